"""The desk's settings with the peers' apps and only the middleware their documentation asks for."""

from invoicing.settings import *  # noqa: F403
from invoicing.settings import BASE_DIR, TEMPLATES
from invoicing.settings import INSTALLED_APPS as OURS

ROOT_URLCONF = "invoicing.benchmarks.peers.urls"
INSTALLED_APPS = [
    *("django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"),
    *("django.contrib.messages", "django.contrib.staticfiles", "django_tables2", "django_filters", "invoicing"),
    *(app for app in OURS if app.startswith("allauth")),  # the desk's template tags know their models
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",  # its app insists; microseconds of the peers' milliseconds
]
TEMPLATES = [{
    **TEMPLATES[0],
    "DIRS": [BASE_DIR / "invoicing/benchmarks/peers/templates"],
    "OPTIONS": {
        "context_processors": [
            "django.template.context_processors.request",
            "django.contrib.auth.context_processors.auth",
            "django.contrib.messages.context_processors.messages",
        ]
    },
}]  # fmt: skip
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
DJANGO_TABLES2_TEMPLATE = "django_tables2/table.html"
