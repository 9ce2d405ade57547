"""Mutations: each part of a key, each check and each guard is taken out in turn, and a test has to notice."""
