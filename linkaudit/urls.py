"""The addresses of the pages on links."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
