"""The addresses of precision and of samples; part of those of links."""

from django.urls import path

from linkaudit.precision import views
from linkaudit.sampling import views as samples

urlpatterns = [
    path("heuristics.json", views.heuristics_json, name="heuristics_json"),
    path("heuristics/", views.heuristics, name="heuristics"),
    path("heuristics/<path:name>.json", views.heuristic_json, name="heuristic_json"),
    path("heuristics/<path:name>/samples/draw/", samples.draw, name="draw_sample"),
    path("heuristics/<path:name>/", views.heuristic, name="heuristic"),
    path("samples/<int:sample_id>/close/", samples.close, name="close_sample"),
]
