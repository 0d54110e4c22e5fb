"""The addresses of promotion. They come before those of heuristics, whose names may hold a slash."""

from django.urls import path

from linkaudit.promotion import views

app_name = "promotion"

urlpatterns = [
    path("promotions/", views.promotions, name="promotions"),
    path("promotions/<int:promotion_id>/", views.promotion, name="promotion"),
    path("promotions/<int:promotion_id>/take-back/", views.take_back, name="take_back"),
    path("heuristics/<path:name>/promote/", views.promote, name="promote"),
]
