from django.urls import path

from storage import downloads, views

app_name = "storage"

urlpatterns = [
    path("content/", views.show_content, name="content"),
    path("content/verify/", views.start_verification_job, name="verify"),
    path("content/garbage-collection/", views.collect_garbage, name="garbage_collection"),
    path("content/move/", views.move, name="move"),
    path("content/<int:object_id>/file/", downloads.download_object, name="object_file"),
    path("documents/<int:doc_id>/file/", downloads.download_document, name="document_file"),
]
