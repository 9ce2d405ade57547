"""Tests of generated stubs: what they list is what Django accepts, and the command keeps them fresh."""
