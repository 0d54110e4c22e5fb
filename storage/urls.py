"""The addresses of the pages of content, and of the content itself."""

from django.urls import path

from storage import views, work_views

app_name = "storage"

urlpatterns = [
    path("content/", views.content, name="content"),
    path("content/check/", work_views.check, name="check"),
    path("content/clean/", work_views.clean, name="clean"),
    path("content/move/", work_views.move, name="move"),
    path("content/<int:object_id>/file/", views.object_file, name="object_file"),
    path("documents/<int:doc_id>/file/", views.document_file, name="document_file"),
]
