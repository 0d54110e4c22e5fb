"""The addresses of these pages."""

from django.urls import path

from signals.companies import views

app_name = "companies"

urlpatterns = [
    path("companies/", views.companies, name="companies"),
    path("companies/<int:cik>/", views.company, name="company"),
    path("tickers/<path:ticker>/", views.ticker, name="ticker"),
    path("sponsors/", views.sponsors, name="sponsors"),
]
