"""The addresses of precision and of samples; part of those of links."""

from django.urls import path

from linkaudit.precision import views

urlpatterns = [
    path("heuristics.json", views.heuristics_json, name="heuristics_json"),
    path("heuristics/", views.heuristics, name="heuristics"),
    path("heuristics/<path:name>.json", views.heuristic_json, name="heuristic_json"),
    path("heuristics/<path:name>/samples/draw/", views.draw_sample, name="draw_sample"),
    path("heuristics/<path:name>/", views.heuristic, name="heuristic"),
    path("samples/<int:sample_id>/close/", views.close_sample, name="close_sample"),
]
