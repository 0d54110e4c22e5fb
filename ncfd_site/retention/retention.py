"""Retention of rows and files of the site itself: jobs, sessions, failed sign-ins, exports."""

from ncfd_site.retention.policy import Prunable, plan_by_age, register

BY_AGE = ("keep_days",)

JOBS = register(
    Prunable(
        name="jobs", title="finished jobs", table="site_jobs", key="job_id", settings=BY_AGE,
        plan=plan_by_age("finished_at"),
    )
)  # fmt: skip
SESSIONS = register(
    Prunable(
        name="sessions", title="expired sessions", table="django_session", key="session_key", settings=BY_AGE,
        plan=plan_by_age("expire_date"),
    )
)  # fmt: skip
ACCESS_LOG = register(
    Prunable(
        name="access_log", title="failed sign-ins", table="axes_accessattempt", key="id", settings=BY_AGE,
        plan=plan_by_age("attempt_time"),
        delete="""
            WITH expirations AS (DELETE FROM axes_accessattemptexpiration WHERE access_attempt_id = ANY(%(keys)s))
            DELETE FROM {table} WHERE {key} = ANY(%(keys)s)
        """,
    )
)  # fmt: skip
