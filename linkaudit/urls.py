"""The addresses of the pages on links and heuristics."""

from django.urls import include, path

from linkaudit import views
from linkaudit.adjudication import views as adjudication

app_name = "linkaudit"

urlpatterns = [
    path("", include("linkaudit.review.urls")),
    path("adjudication/", adjudication.disagreements, name="disagreements"),
    path("adjudication/<int:audit_id>/", adjudication.disagreement, name="disagreement"),
    path("agreement/", adjudication.agreement, name="agreement"),
    path("links/", views.links, name="links"),
    path("links/<int:audit_id>/", views.link, name="link"),
    path("links/<int:audit_id>/undo/", views.undo, name="undo"),
    path("", include("linkaudit.precision.urls")),
]
