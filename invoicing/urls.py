"""Every address of the desk, in one list."""

from django.urls import include, path
from django.views.generic import RedirectView

from invoicing.web import (
    actions,
    asking,
    connections,
    documents,
    health,
    invoice,
    invoices,
    jobs,
    operations,
    preferences,
    statuses,
    theme,
    unreadable,
)

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="receivables"), name="home"),
    path("start/", preferences.start, name="start"),
    path("preferences/", preferences.page, name="preferences"),
    path("preferences/keys/", preferences.key_list, name="keys"),
    path("preferences/single-keys/", preferences.single_keys, name="single_keys"),
    path("receivables/", invoices.receivables, name="receivables"),
    path("payables/", invoices.payables, name="payables"),
    path("unreadable/", unreadable.unreadable, name="unreadable"),
    path("unreadable/<int:pk>/", unreadable.record, name="unreadable_record"),
    path("invoices/<int:pk>/", invoice.page, name="invoice"),
    path("invoices/<int:pk>/refresh/", invoice.refresh, name="invoice_refresh"),
    path("invoices/<int:pk>/jobs/<uuid:job_id>/", invoice.job, name="invoice_job"),
    path("invoices/<int:pk>/actions/<slug:verb>/", actions.action, name="action"),
    path("invoices/<int:pk>/documents/fetch/", documents.fetch, name="document_fetch"),
    path("invoices/<int:pk>/documents/draw/", documents.draw, name="document_draw"),
    path("documents/<int:pk>/", documents.file, name="document"),
    path("start/<int:connection_id>/<slug:kind>/<path:external_id>/", asking.start, name="start"),
    path("ask/<int:connection_id>/<slug:kind>/<slug:verb>/<path:external_id>/", asking.ask, name="ask"),
    path("asked/<uuid:job_id>/", asking.asked, name="asked"),
    path("operations/", operations.listing, name="operations"),
    path("operations/<uuid:pk>/", operations.page, name="operation"),
    path("operations/<uuid:pk>/state/", operations.state, name="operation_state"),
    path("operations/<uuid:pk>/cancel/", operations.cancel, name="operation_cancel"),
    path("connections/", connections.page, name="connections"),
    path("connections/<int:pk>/", connections.card, name="connection"),
    path("connections/<int:pk>/sync/", connections.sync, name="connection_sync"),
    path("jobs/", jobs.page, name="jobs"),
    path("jobs/<uuid:pk>/cancel/", jobs.cancel, name="job_cancel"),
    path("jobs/<uuid:pk>/retry/", jobs.retry, name="job_retry"),
    path("statuses/", statuses.page, name="statuses"),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("theme/", theme.theme, name="theme"),
    path("accounts/", include("allauth.urls")),
]

handler400 = "invoicing.web.errors.bad_request"
handler403 = "invoicing.web.errors.forbidden"
handler404 = "invoicing.web.errors.not_found"
handler500 = "invoicing.web.errors.broken"
