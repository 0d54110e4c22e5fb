"""The addresses of these pages."""

from django.urls import path

from signals.trials import views

app_name = "risk"

urlpatterns = [
    path("trials/", views.trials, name="trials"),
    path("trials/compare/", views.compare, name="compare"),
]
