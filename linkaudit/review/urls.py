"""The addresses of the queue."""

from django.urls import path

from linkaudit.review import views

urlpatterns = [
    path("review/", views.desk, name="desk"),
    path("review/claim/", views.claim, name="claim"),
    path("review/undo/", views.undo, name="undo_review"),
    path("review/keys/", views.keys, name="keys"),
    path("review/<uuid:token>/", views.place, name="place"),
    path("review/<uuid:token>/skip/", views.skip, name="skip"),
    path("review/<uuid:token>/heartbeat/", views.heartbeat, name="heartbeat"),
]
