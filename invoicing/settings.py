"""All settings, read from the environment once. `make run` writes its own into data/env, so that a command typed in a
second shell acts on the same desk; a variable of the process wins over that file."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF

from invoicing import own_keys

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

DATA = Path(env.str("DESK_DATA", default=str(BASE_DIR / "data"))).resolve()
TESTING = "PYTEST_VERSION" in os.environ
_server = urlsplit(os.environ.get("DATABASE_URL", "")).hostname
if _server in (None, "localhost", "127.0.0.1") and not (TESTING or env.bool("DESK_BUILDING", default=False)):
    own_keys.ensure(DATA)
if (DATA / "env").is_file():
    environ.Env.read_env(DATA / "env")

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="")
if not SECRET_KEY:
    if not (TESTING or env.bool("DESK_BUILDING", default=False)):
        raise environ.ImproperlyConfigured(
            "SECRET_KEY is not set. A desk whose database is on another machine gets it from its environment."
        )
    SECRET_KEY = "only-for-tests-and-builds"  # noqa: S105 - never used where data is kept
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
HTTPS = env.bool("DESK_HTTPS", default=False)  # set it when people reach the desk through https
ROOT_URLCONF = "invoicing.urls"
WSGI_APPLICATION = "invoicing.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# The desk's own words, all named DESK_*
DESK_FIELD_KEYS = env.list("DESK_FIELD_KEYS", default=[])  # sealing keys, base64, newest first
DESK_QUIET_SECONDS = env.float(
    "DESK_QUIET_SECONDS", default=600
)  # Q: the longest a written request may still take effect
DESK_CALL_DEADLINE_SECONDS = env.float(
    "DESK_CALL_DEADLINE_SECONDS", default=30
)  # D: one provider call, first byte to last
DESK_CANCEL_SECONDS = env.float("DESK_CANCEL_SECONDS", default=0)  # how long an operation can be called back
DESK_BATCH_CANCEL_SECONDS = env.float("DESK_BATCH_CANCEL_SECONDS", default=30)  # how long before a batch begins
DESK_BATCH_MOST = env.int("DESK_BATCH_MOST", default=500)  # invoices in one batch
DESK_BATCH_MOST_AMOUNT = env.list("DESK_BATCH_MOST_AMOUNT", default=[])  # per unit: USD=250000,JPY=30000000
DESK_BATCH_TYPED = env.int("DESK_BATCH_TYPED", default=25)  # from so many invoices on their count is typed
DESK_ALLOW_PRIVATE_HOSTS = env.bool("DESK_ALLOW_PRIVATE_HOSTS", default=False)  # for the sandbox only
DESK_EXTRA_HOSTS = env.list(
    "DESK_EXTRA_HOSTS", default=[]
)  # provider hosts beyond the known ones, e.g. a self-hosted FlexPrice
DESK_STALE_HOURS = env.float("DESK_STALE_HOURS", default=24)  # age from which a record is marked stale
DESK_SYNC_MINUTES = env.float(
    "DESK_SYNC_MINUTES", default=60
)  # how often the worker syncs by itself; 0: only when asked
DESK_TYPED_CONFIRMATION = env.str("DESK_TYPED_CONFIRMATION", default="10000")  # from this amount on the number is typed
DESK_APPROVAL_DUE_DAYS = env.int("DESK_APPROVAL_DUE_DAYS", default=1)  # business days until a decision is due
DESK_APPROVAL_EXPIRES_DAYS = env.int(
    "DESK_APPROVAL_EXPIRES_DAYS", default=14
)  # undecided requests end after so many days
DESK_APPROVED_HOURS = env.float("DESK_APPROVED_HOURS", default=72)  # how long an approval can be acted on
DESK_REVIEW_DUE_DAYS = env.int("DESK_REVIEW_DUE_DAYS", default=2)  # business days until a review is due
DESK_REVIEW_ESCALATE_DAYS = env.int("DESK_REVIEW_ESCALATE_DAYS", default=2)  # business days past due
DESK_REVIEW_CLAIM_HOURS = env.float("DESK_REVIEW_CLAIM_HOURS", default=4)  # how long a claim lasts
DESK_REVIEW_UNDO_SECONDS = env.float("DESK_REVIEW_UNDO_SECONDS", default=120)  # how long a decision can be taken back
DESK_REVIEW_LOOK_BACK_DAYS = env.int("DESK_REVIEW_LOOK_BACK_DAYS", default=62)  # older invoices are not checked
DESK_WORK_WEEK = env.str("DESK_WORK_WEEK", default="12345")  # business days, 1 is Monday
DESK_HOLIDAYS = env.list("DESK_HOLIDAYS", default=[])  # days as 2026-12-25
DESK_EXPORT_AT_ONCE = env.int("DESK_EXPORT_AT_ONCE", default=5000)  # a file of more invoices is written by the worker
DESK_EXPORT_DAYS = env.float("DESK_EXPORT_DAYS", default=7)  # how long a file is kept
DESK_EXPORTS = DATA / "exports"
DESK_AUDIT_KEYS = env.list("DESK_AUDIT_KEYS", default=[])  # seal and sign the audit trail, newest first; any long text
DESK_AUDIT_CHECKPOINTS = Path(env.str("DESK_AUDIT_CHECKPOINTS", default=str(DATA / "audit-checkpoints")))
DESK_AUDIT_CHECKPOINT_MINUTES = env.float("DESK_AUDIT_CHECKPOINT_MINUTES", default=60)  # at least so often, and
DESK_AUDIT_CHECKPOINT_ENTRIES = env.int("DESK_AUDIT_CHECKPOINT_ENTRIES", default=1000)  # after so many entries
DESK_AUDIT_YEARS = env.int("DESK_AUDIT_YEARS", default=7)  # how long entries are kept at least; nothing removes them
DESK_AUDIT_EXPORT_MOST = env.int("DESK_AUDIT_EXPORT_MOST", default=200_000)  # entries in one exported file

# Database
_url = env.str("DATABASE_URL", default="") or f"sqlite:///{DATA / 'desk.sqlite3'}"
_database = env.db_url_config(_url)
DATABASES = {"default": _database}
_options = _database.setdefault("OPTIONS", {})
ON_SQLITE = _database["ENGINE"].endswith("sqlite3")
if ON_SQLITE:
    _options |= {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA foreign_keys=ON;"
        "PRAGMA cache_size=-64000;PRAGMA mmap_size=1073741824;PRAGMA temp_store=MEMORY;",
    }
    _database["TEST"] = {"NAME": str(DATA / "test.sqlite3")}  # a file: in memory, threads lock each other out
elif env.bool("DESK_DB_POOL", default=True):
    _database["CONN_MAX_AGE"] = 0
    _options["pool"] = {"min_size": 1, "max_size": 10, "timeout": 10}

CACHES = {"default": env.cache("CACHE_URL", default="dbcache://desk_cache")}
if "redis" not in CACHES["default"]["BACKEND"]:  # lock-outs live here: none may be pushed out by strangers' tries
    CACHES["default"].setdefault("OPTIONS", {}).setdefault("MAX_ENTRIES", 200_000)

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "django_tasks",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "invoicing",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "invoicing.web.middleware.RequestId",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "invoicing.web.doors.Doors",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "invoicing.web.middleware.Language",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "invoicing.web.middleware.SignedIn",
    "invoicing.web.second_factor.SecondFactor",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "invoicing.web.context.desk",
            ],
        },
    }
]

# Accounts
AUTH_USER_MODEL = "invoicing.User"
AUTHENTICATION_BACKENDS = ["invoicing.web.accounts.WithPreferences"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_ADAPTER = "invoicing.web.accounts.ClosedSignup"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_RATE_LIMITS = {"login_failed": "20/m/ip,5/5m/key"}  # the key is e-mail and address: see web/accounts.py
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("DESK_TRUSTED_PROXIES", default=0)  # proxies in front that add X-Forwarded-For
MFA_ADAPTER = "invoicing.web.accounts.SealedFactors"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS  # passkeys on http://localhost
MFA_ALLOW_UNVERIFIED_EMAIL = True  # an access admin gave the address; nobody signs up
MFA_TOTP_ISSUER = "Invoice Desk"
MFA_TOTP_TOLERANCE = 1
DESK_STEP_UP_MINUTES = env.float("DESK_STEP_UP_MINUTES", default=15)  # 0: signing in is enough for everything
DESK_SECOND_FACTOR = env.bool("DESK_SECOND_FACTOR", default=False)  # true: nobody works without one

# Single sign-on
DESK_OIDC_URL = env.str("DESK_OIDC_URL", default="").rstrip("/")  # the issuer; empty: passwords and passkeys only
DESK_OIDC_NAME = env.str("DESK_OIDC_NAME", default="single sign-on")  # what the button says
DESK_OIDC_GROUPS = env.str("DESK_OIDC_GROUPS", default="groups")  # the claim that holds a person's groups
DESK_OIDC_ROLES = env.dict("DESK_OIDC_ROLES", default={})  # group of the directory=role here, comma between
DESK_OIDC_ORIGINS = env.list("DESK_OIDC_ORIGINS", default=[])  # where its sign-in page lives, if not at the issuer
SOCIALACCOUNT_ADAPTER = "invoicing.web.single_sign_on.Staff"
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_PROVIDERS = {}
if DESK_OIDC_URL:
    SOCIALACCOUNT_PROVIDERS["openid_connect"] = {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": "desk",
                "name": DESK_OIDC_NAME,
                "client_id": env.str("DESK_OIDC_CLIENT_ID"),
                "secret": env.str("DESK_OIDC_SECRET", default=""),
                "settings": {"server_url": DESK_OIDC_URL, "oauth_pkce_enabled": True},
            }
        ],
    }
USERSESSIONS_TRACK_ACTIVITY = False
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "start"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
EMAIL_BACKEND = env.str("EMAIL_BACKEND", default="django.core.mail.backends.dummy.EmailBackend")
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = 12 * 3600
DESK_IDLE_MINUTES = env.float("DESK_IDLE_MINUTES", default=30)  # signed out after so long without a request
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "__Host-desk" if HTTPS else "desk"
CSRF_FAILURE_VIEW = "invoicing.web.errors.csrf_failed"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


# Headers
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = False  # the proxy in front does that
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF, *DESK_OIDC_ORIGINS, *filter(None, [_origin(DESK_OIDC_URL)])],
        "frame-ancestors": [NONE],
    }
}

# Words, numbers, time
LANGUAGE_CODE = "en-us"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("ja", "日本語")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.str("DESK_TIME_ZONE", default="UTC")  # the accounting time zone; stated on every page
DESK_TIME_ZONE = TIME_ZONE

# Files
DATA.mkdir(parents=True, exist_ok=True)
STATIC_URL = "/static/"
STATIC_ROOT = DATA / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT = DATA / "files"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG or TESTING
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG or TESTING

# Background work: code enqueues through django-tasks, a Job row is the truth
TASKS = {"default": {"BACKEND": "invoicing.jobs.backend.JobBackend", "QUEUES": ["default", "sync", "operations"]}}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "invoicing.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="WARNING")},
    "loggers": {"invoicing": {"level": env.str("LOG_LEVEL", default="INFO")}},
}
