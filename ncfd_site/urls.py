"""The addresses of the site."""

from django.contrib import admin
from django.contrib.auth import views as auth
from django.urls import include, path

from ncfd_site import schema_page, views

urlpatterns = [
    path("", views.home, name="home"),
    path("", include("linkaudit.promotion.urls")),
    path("", include("linkaudit.urls")),
    path("", include("ncfd_site.exports.urls")),
    path("", include("ncfd_site.jobs.urls")),
    path("", include("storage.urls")),
    path("schema/", schema_page.schema, name="schema"),
    path("accounts/login/", auth.LoginView.as_view(), name="login"),
    path("accounts/logout/", auth.LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
]
