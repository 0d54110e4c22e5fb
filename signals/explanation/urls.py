"""The addresses of these pages."""

from django.urls import path

from signals.explanation import views

app_name = "why"

urlpatterns = [
    path("trials/<str:nct_id>/", views.trial, name="trial"),
    path("trials/<str:nct_id>/record/", views.record, name="record"),
    path("studies/<int:study_id>/", views.study, name="study"),
]
