"""The settings of the site, all from the environment; `docs/operations.md` lists the variables.

Without DATABASE_URL this is development: the embedded server, loopback only, nothing to set. With it, this is
production: DEBUG is off unless set, and a key and host names are demanded.
"""

from datetime import timedelta
from decimal import Decimal

from ncfd_site.config import (
    database,
    environment,
    hosts,
    secret_key,
)
from ncfd_site.config.errors import ConfigurationError

BASE_DIR = environment.BASE_DIR
NCFD_HOME = environment.home()
DEVELOPMENT = database.is_embedded()

DEBUG = environment.flag("DEBUG", default=DEVELOPMENT)
if DEVELOPMENT and not DEBUG:
    raise ConfigurationError(
        "DEBUG is off but DATABASE_URL is not set: the embedded database is for development, so set DATABASE_URL to "
        "serve others, or leave DEBUG unset."
    )
SECRET_KEY = secret_key.development_key(NCFD_HOME) if DEVELOPMENT else secret_key.production_key()
ALLOWED_HOSTS = hosts.LOOPBACK if DEVELOPMENT else hosts.production_hosts()
CSRF_TRUSTED_ORIGINS = hosts.trusted_origins()
# The port of `manage.py runserver`.
PORT = environment.whole("PORT", default=8000, least=1, most=65535)
# Where the content store keeps the bytes of documents.
CONTENT_ROOT = environment.folder("CONTENT_ROOT", default=NCFD_HOME / "content")
# The content store on S3, which there is only where a bucket is named; boto3 finds the credentials by itself.
CONTENT_S3_BUCKET = environment.shaped(
    "CONTENT_S3_BUCKET",
    r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    means="the name of a bucket: 3 to 63 small letters, digits, dots and hyphens",
)
CONTENT_S3_PREFIX = environment.shaped(
    "CONTENT_S3_PREFIX",
    r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*",
    means="what all keys begin with: names of letters, digits and . _ -, a slash between them and none at the ends",
    default="content",
)
CONTENT_S3_ENDPOINT = environment.endpoint("CONTENT_S3_ENDPOINT")
CONTENT_S3_REGION = environment.shaped(
    "CONTENT_S3_REGION", r"[A-Za-z0-9_-]+", means="the name of a region, such as eu-central-1"
)

# Of which share of a sample of links a second person is asked, and for how long one person has a link to themselves.
REVIEW_SECOND_SHARE = environment.share("REVIEW_SECOND_SHARE", default=Decimal("0.15"))
REVIEW_LEASE_MINUTES = environment.whole("REVIEW_LEASE_MINUTES", default=15, least=1, most=24 * 60)

DATABASES = {"default": database.django_settings()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Alembic owns the tables of our apps; without this, `makemigrations` would propose migrations for them.
MIGRATION_MODULES: dict[str, None] = dict.fromkeys(
    ["storage", "securities", "signals", "linkaudit", "schema", "jobs", "api"]
)

INSTALLED_APPS = [
    "ncfd_site.web",  # first: its runserver and templates come before those of Django
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_extensions",
    "axes",
    "django_htmx",  # for its copy of htmx among the static files
    "storage",
    "securities",
    "signals",
    "linkaudit",
    "ncfd_site.schema",
    "ncfd_site.jobs",
    "ncfd_site.exports",
    "ncfd_site.ingest",
    "ncfd_site.apps.ApiConfig",
    "ncfd_site.dashboard",
    "ncfd_site.demo",
    "ncfd_site.apps.SiteConfig",  # last: what it does after migrating finds the permissions of all others
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "ncfd_site.web.content_policy.ContentPolicyMiddleware",
    "ncfd_site.web.no_store.NoStoreMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "ncfd_site.web.signed_in.SignedInMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "ncfd_site.web.not_found.NotFoundMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "ncfd_site.urls"
WSGI_APPLICATION = "ncfd_site.wsgi.application"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
# Who is to be tried at all is asked before the password is.
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

LANGUAGE_CODE = "en-us"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
# In development the files are served from where they lie; in production `collectstatic` hashes and compresses them.
STATIC_ROOT = None if DEVELOPMENT else environment.folder("STATIC_ROOT", default=BASE_DIR / "staticfiles")
WHITENOISE_USE_FINDERS = DEVELOPMENT
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEVELOPMENT
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# HTTPS is what production serves; behind a proxy that ends TLS, TRUST_PROXY says that its X-Forwarded-Proto is true.
HTTPS = environment.flag("HTTPS", default=not DEBUG)
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = environment.whole("HSTS_SECONDS", default=365 * 24 * 3600) if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_HSTS_SECONDS > 0
# Who looks whether the site is up asks without TLS, often.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
TRUST_PROXY = environment.flag("TRUST_PROXY", default=False)
if TRUST_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"

# How often a wrong password may be tried for one name from one address, and for how long none is tried after that.
LOGIN_ATTEMPTS = environment.whole("LOGIN_ATTEMPTS", default=10, least=1, most=1000)
LOGIN_COOL_OFF_MINUTES = environment.whole("LOGIN_COOL_OFF_MINUTES", default=15, least=1, most=24 * 60)
AXES_FAILURE_LIMIT = LOGIN_ATTEMPTS
AXES_COOLOFF_TIME = timedelta(minutes=LOGIN_COOL_OFF_MINUTES)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_HANDLER = "ncfd_site.web.throttling.Throttle"
AXES_USERNAME_CALLABLE = "ncfd_site.web.throttling.name_of"
AXES_CLIENT_IP_CALLABLE = "ncfd_site.web.throttling.address_of"
AXES_LOCKOUT_CALLABLE = "ncfd_site.web.throttling.refusal"
AXES_RESET_ON_SUCCESS = True
# A lock ends when its page said it would, whatever is tried until then.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
# A name is masked too: people type their password there by mistake.
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "password", "csrfmiddlewaretoken", "next"]
# Who signed in when is not collected, and the failures are looked at with `manage.py axes_list_attempts`.
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    # Instead of Django's own, which print to the terminal once more in development and send mail in production.
    "loggers": {"django": {"handlers": [], "level": "WARNING", "propagate": True}},
}
