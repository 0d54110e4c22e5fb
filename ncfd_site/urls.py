"""URLs of the site."""

from django.contrib import admin
from django.contrib.auth import views as auth
from django.urls import include, path

from ncfd_site.dashboard import views as dashboard
from ncfd_site.schema import views as schema
from ncfd_site.web import health, throttling

handler500 = health.report_failure

urlpatterns = [
    path("", dashboard.home, name="home"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("", include("linkaudit.urls")),
    path("", include("ncfd_site.api.urls")),
    path("", include("ncfd_site.exports.urls")),
    path("", include("ncfd_site.jobs.urls")),
    path("", include("storage.urls")),
    path("", include("signals.urls")),
    path("schema/", schema.schema, name="schema"),
    path("accounts/login/", throttling.SignIn.as_view(), name="login"),
    path("accounts/logout/", auth.LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
]
