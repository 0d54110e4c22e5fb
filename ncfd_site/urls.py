"""URLs of the site."""

from django.contrib import admin
from django.contrib.auth import views as auth
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.generic import RedirectView

from ncfd_site.dashboard import activity, layout
from ncfd_site.dashboard import views as dashboard
from ncfd_site.exports import views as exports
from ncfd_site.jobs import schedule_views as schedules
from ncfd_site.jobs import views as jobs
from ncfd_site.retention import views as retention
from ncfd_site.schema import views as schema
from ncfd_site.search import views as search
from ncfd_site.web import health, styleguide, throttling
from ncfd_site.web.help import views as help_pages

handler500 = health.report_failure

admin.autodiscover()

_exports = [
    path("files/<int:job_id>/", exports.download, name="download"),
    path("<str:name>/<str:format_name>/", exports.export, name="export"),
]
_jobs = [
    path("", jobs.jobs, name="jobs"),
    path("schedule/", schedules.schedules, name="schedules"),
    path("schedule/<slug:schedule>/", schedules.schedule, name="schedule"),
    path("schedule/<slug:schedule>/switch/", schedules.switch, name="switch"),
    path("schedule/<slug:schedule>/run/", schedules.run, name="run"),
    path("<int:job_id>/", jobs.job, name="job"),
    path("<int:job_id>/progress/", jobs.progress, name="progress"),
    path("<int:job_id>/cancel/", jobs.cancel, name="cancel"),
    path("<int:job_id>/resume/", jobs.resume, name="resume"),
]

urlpatterns = [
    path("", dashboard.home, name="home"),
    path("layout/", layout.save, name="layout"),
    path("activity/", activity.activity, name="activity"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("", include("linkaudit.urls")),
    path("", include("ncfd_site.api.urls")),
    path("exports/", include((_exports, "exports"))),
    path("jobs/", include((_jobs, "jobs"))),
    path("", include("storage.urls")),
    path("", include("signals.urls")),
    path("help/", help_pages.index, name="help"),
    path("help/shortcuts/", help_pages.shortcuts, name="help_shortcuts"),
    path("help/tour/end/", help_pages.end_tour, name="end_tour"),
    path("help/<slug:name>.png", help_pages.image, name="help_image"),
    path("help/<path:name>/", help_pages.document, name="help_document"),
    path("search/", search.search, name="search"),
    path("search/recent/", search.add_recent, name="add_recent"),
    path("styleguide/", styleguide.styleguide, name="styleguide"),
    path("schema/", schema.schema, name="schema"),
    path("retention/", retention.retention, name="retention"),
    path("accounts/login/", throttling.SignIn.as_view(), name="login"),
    path("accounts/logout/", auth.LogoutView.as_view(), name="logout"),
    # One sign-in page: that of Django's admin does not count concurrent attempts.
    path("admin/login/", login_not_required(RedirectView.as_view(pattern_name="login", query_string=True))),
    path("admin/", admin.site.urls),
]
