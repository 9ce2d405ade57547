"""The URLs of the tests' project."""

from __future__ import annotations

from django.urls import path

from tests.asgi import views

urlpatterns = [
    path("tenant/<str:name>/", views.tenants_names),
    path("native/<str:name>/", views.tenants_names_in_native),
    path("country-names/", views.names_without_tenant),
    path("country/<int:number>/", views.country),
]
