"""The addresses of the pages on links and heuristics."""

from django.urls import path

from linkaudit import views

app_name = "linkaudit"

urlpatterns = [
    path("links/", views.links, name="links"),
    path("links/<int:audit_id>/", views.link, name="link"),
    path("links/<int:audit_id>/undo/", views.undo, name="undo"),
    path("heuristics/", views.heuristics, name="heuristics"),
    path("heuristics/<path:name>/", views.heuristic, name="heuristic"),
]
