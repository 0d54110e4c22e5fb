"""URLs of exports."""

from django.urls import path

from ncfd_site.exports import views

app_name = "exports"

urlpatterns = [
    path("exports/files/<int:job_id>/", views.download, name="download"),
    path("exports/<str:name>/<str:format_name>/", views.export, name="export"),
]
