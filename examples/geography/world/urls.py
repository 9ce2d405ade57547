"""Addresses of the world app."""

from __future__ import annotations

from typing import Final

from django.urls import URLPattern, path

from world import views

app_name: Final = "world"

urlpatterns: Final[list[URLPattern]] = [
    path("countries/", views.country_list, name="country-list"),
    path("countries/<str:code>/", views.country_detail, name="country-detail"),
    path("countries/<str:code>/cities.csv", views.country_cities, name="country-cities"),
]
