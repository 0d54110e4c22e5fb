"""URLs of the site."""

from django.contrib import admin
from django.contrib.auth import views as auth
from django.urls import include, path

from ncfd_site.dashboard import views as dashboard
from ncfd_site.schema import views
from ncfd_site.web import health, throttling
from signals.validation_errors import views as errors

urlpatterns = [
    path("", dashboard.home, name="home"),
    path("errors/", errors.errors, name="errors"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("", include("linkaudit.promotion.urls")),
    path("", include("linkaudit.urls")),
    path("", include("ncfd_site.api.urls")),
    path("", include("ncfd_site.exports.urls")),
    path("", include("ncfd_site.jobs.urls")),
    path("", include("storage.urls")),
    path("", include("signals.trials.urls")),
    path("", include("signals.explanation.urls")),
    path("", include("signals.companies.urls")),
    path("schema/", views.schema, name="schema"),
    path("accounts/login/", throttling.SignIn.as_view(), name="login"),
    path("accounts/logout/", auth.LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
]
