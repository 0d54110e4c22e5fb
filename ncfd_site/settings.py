"""Settings of the site, read from environment variables; `docs/operations.md` lists them.

Without DATABASE_URL, this is development: the embedded server, loopback only, nothing to set. With it, this is
production: DEBUG is off by default, and SECRET_KEY and ALLOWED_HOSTS are required.
"""

from datetime import timedelta
from decimal import Decimal

from ncfd_site.config import database, environment, secret_key, shared_files
from ncfd_site.config.errors import ConfigurationError

BASE_DIR = environment.BASE_DIR
NCFD_HOME = environment.read_home_folder()
DEVELOPMENT = database.is_embedded()

DEBUG = environment.read_flag("DEBUG", default=DEVELOPMENT)
if DEVELOPMENT and not DEBUG:
    raise ConfigurationError(
        "DEBUG is off, but DATABASE_URL is not set. Set DATABASE_URL, or unset DEBUG to use the embedded database for "
        "development."
    )
SECRET_KEY = secret_key.read_development_key(NCFD_HOME) if DEVELOPMENT else secret_key.read_production_key()
# Former keys, which still verify sessions and password-reset links but sign no new ones.
SECRET_KEY_FALLBACKS = secret_key.read_fallback_keys()
ALLOWED_HOSTS = environment.LOOPBACK if DEVELOPMENT else environment.read_allowed_hosts()
CSRF_TRUSTED_ORIGINS = environment.read_trusted_origins()
# The port of `manage.py runserver`.
PORT = environment.read_integer("PORT", default=8000, minimum=1, maximum=65535)
# Folder of the content store.
CONTENT_ROOT = environment.read_folder("CONTENT_ROOT", default=NCFD_HOME / "content")
# The content store on S3, used if a bucket is named. boto3 finds the credentials.
CONTENT_S3_BUCKET = environment.read_pattern(
    "CONTENT_S3_BUCKET",
    r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    expected="the name of a bucket: 3 to 63 lowercase letters, digits, dots and hyphens",
)
CONTENT_S3_PREFIX = environment.read_pattern(
    "CONTENT_S3_PREFIX",
    r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*",
    expected="a prefix of keys: names of letters, digits and . _ -, separated by single slashes",
    default="content",
)
CONTENT_S3_ENDPOINT = environment.read_service_url("CONTENT_S3_ENDPOINT")
CONTENT_S3_REGION = environment.read_pattern(
    "CONTENT_S3_REGION", r"[A-Za-z0-9_-]+", expected="the name of a region, such as eu-central-1"
)
# Destinations of backups and of snapshots: a folder or s3://BUCKET/PREFIX.
BACKUP_TO = environment.read_text("BACKUP_TO")
SNAPSHOT_TO = environment.read_text("SNAPSHOT_TO")

# Services that the fetch commands read, and how these identify themselves. The SEC requires an e-mail address.
CTGOV_URL = environment.read_service_url("CTGOV_URL") or "https://clinicaltrials.gov/api/v2"
SEC_URL = environment.read_service_url("SEC_URL") or "https://www.sec.gov/files"
FETCH_USER_AGENT = environment.read_pattern(
    "FETCH_USER_AGENT",
    r"[ -~]{1,200}",
    expected="your organization and e-mail address in ASCII, such as Example Fund admin@example.org",
    default="ncfd",
)

# Share of a sample that gets a second opinion, and how long an item stays reserved for a reviewer.
RETENTION_FILE = environment.read_file(
    "RETENTION_FILE", default=BASE_DIR / "ncfd_site" / "retention" / "retention.toml"
)
REVIEW_SECOND_SHARE = environment.read_share("REVIEW_SECOND_SHARE", default=Decimal("0.15"))
REVIEW_LEASE_MINUTES = environment.read_integer("REVIEW_LEASE_MINUTES", default=15, minimum=1, maximum=24 * 60)

DATABASES = database.build_django_settings()
# Read replicas, and how many seconds one may be behind the primary.
REPLICAS = [alias for alias in DATABASES if alias != "default"]
REPLICA_MAX_LAG_SECONDS = environment.read_integer("REPLICA_MAX_LAG_SECONDS", default=10, minimum=1, maximum=3600)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Alembic owns the tables of these apps; `makemigrations` would propose migrations for them otherwise.
MIGRATION_MODULES: dict[str, None] = dict.fromkeys(
    ["storage", "securities", "signals", "linkaudit", "schema", "jobs", "api"]
)

INSTALLED_APPS = [
    "ncfd_site.apps.SiteConfig",  # before Django's apps: its commands and the templates of `web` override theirs
    "ncfd_site.web",
    # The admin modules are imported with the URLs, and not by each command.
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_extensions",
    "axes",
    "procrastinate.contrib.django",  # its tables: `ncfd_site.jobs` defines the tasks
    "django_htmx",  # for its copy of htmx in the static files
    "storage",
    "securities",
    "signals",
    "linkaudit",
    "ncfd_site.schema",
    "ncfd_site.jobs",
    "ncfd_site.exports",
    "ncfd_site.retention",
    "ncfd_site.ingest",
    "ncfd_site.apps.ApiConfig",
    "ncfd_site.dashboard",
    "ncfd_site.demo",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "ncfd_site.web.middleware.ResponseHeadersMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "ncfd_site.web.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "ncfd_site.web.middleware.ErrorPageMiddleware",
    "axes.middleware.AxesMiddleware",
    # Last: it runs views, after the others have read session and user from the primary.
    "ncfd_site.web.replicas.ReplicaMiddleware",
]

ROOT_URLCONF = "ncfd_site.urls"
WSGI_APPLICATION = "ncfd_site.wsgi.application"
SESSION_ENGINE = "ncfd_site.web.sessions"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
# First the backend that refuses locked names and addresses before the password is checked.
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
# Development serves the source files; in production `collectstatic` hashes and compresses them.
STATIC_ROOT = None if DEVELOPMENT else environment.read_folder("STATIC_ROOT", default=BASE_DIR / "staticfiles")
WHITENOISE_USE_FINDERS = DEVELOPMENT
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    # Files that one site or worker writes and another one reads.
    "shared": shared_files.build_storage(NCFD_HOME, CONTENT_S3_ENDPOINT, CONTENT_S3_REGION),
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEVELOPMENT
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# Production serves HTTPS. Behind a proxy that terminates TLS, TRUST_PROXY accepts its X-Forwarded-Proto.
HTTPS = environment.read_flag("HTTPS", default=not DEBUG)
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = environment.read_integer("HSTS_SECONDS", default=365 * 24 * 3600) if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_HSTS_SECONDS > 0
# Health checks often use plain HTTP.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
TRUST_PROXY = environment.read_flag("TRUST_PROXY", default=False)
if TRUST_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"

# Failed sign-ins of one name from one address until a lockout, and how long the lockout lasts.
LOGIN_ATTEMPTS = environment.read_integer("LOGIN_ATTEMPTS", default=10, minimum=1, maximum=1000)
LOGIN_COOL_OFF_MINUTES = environment.read_integer("LOGIN_COOL_OFF_MINUTES", default=15, minimum=1, maximum=24 * 60)
AXES_FAILURE_LIMIT = LOGIN_ATTEMPTS
AXES_COOLOFF_TIME = timedelta(minutes=LOGIN_COOL_OFF_MINUTES)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_HANDLER = "ncfd_site.web.throttling.ThrottleHandler"
AXES_USERNAME_CALLABLE = "ncfd_site.web.throttling.read_username"
AXES_CLIENT_IP_CALLABLE = "ncfd_site.web.throttling.read_address"
AXES_LOCKOUT_CALLABLE = "ncfd_site.web.throttling.render_lockout"
AXES_RESET_ON_SUCCESS = True
# The page states the end of the lockout, so further attempts must not extend it.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
# The username is masked too: users enter their password there by mistake.
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "password", "csrfmiddlewaretoken", "next"]
# Sign-ins are not logged; `manage.py axes_list_attempts` lists the failures.
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "filters": {"short": {"()": "ncfd_site.config.errors.ShortErrors"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["short"]}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    # Replaces Django's handlers, which print everything twice in development and send mail in production.
    "loggers": {"django": {"handlers": [], "level": "WARNING", "propagate": True}},
}
