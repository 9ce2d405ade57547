"""Addresses of the geography project."""

from __future__ import annotations

from django.urls import URLResolver, include, path

urlpatterns: list[URLResolver] = [path("", include("world.urls"))]
