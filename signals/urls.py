"""URLs of the pages on trials, explanations, companies and validation errors."""

from django.urls import include, path

from signals.companies import views as companies
from signals.explanation import views as explanation
from signals.trials import views as trials
from signals.validation_errors import views as validation_errors

_trials = [
    path("trials/", trials.trials, name="trials"),
    path("trials/compare/", trials.compare, name="compare"),
]
_explanation = [
    path("trials/<str:nct_id>/", explanation.trial, name="trial"),
    path("trials/<str:nct_id>/record/", explanation.record, name="record"),
    path("studies/<int:study_id>/", explanation.study, name="study"),
]
_companies = [
    path("companies/", companies.companies, name="companies"),
    path("companies/<int:cik>/", companies.company, name="company"),
    path("tickers/<path:ticker>/", companies.ticker, name="ticker"),
    path("sponsors/", companies.sponsors, name="sponsors"),
]

urlpatterns = [
    path("", include((_trials, "risk"))),
    path("", include((_explanation, "why"))),
    path("", include((_companies, "companies"))),
    path("errors/", validation_errors.errors, name="errors"),
]
