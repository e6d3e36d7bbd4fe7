"""The audit explorer: entries narrowed and paged, one in full, a file of them; and whether the chain holds."""

from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from invoicing.access import rights
from invoicing.auditing import checkpoints, verifying
from invoicing.auditing.evidence import ask
from invoicing.auditing.exporting import FORMATS, TooMany, export
from invoicing.auditing.subjects import NoSuch
from invoicing.auditing.tasks import verify_trail
from invoicing.auditing.trail import READERS, TrailFilters, page_of, reads, seen_by
from invoicing.jobs.api import enqueue
from invoicing.models import AuditEntry, Job, audit_key
from invoicing.operations.registry import VERBS
from invoicing.web.audit_rows import differences, rows_of, written
from invoicing.web.finding import address_of
from invoicing.web.waiting import worker_is_there

EVIDENCE_KINDS = (
    ("invoice", gettext_lazy("An invoice")),
    ("operation", gettext_lazy("An operation")),
    ("batch", gettext_lazy("A batch")),
    ("month", gettext_lazy("A month")),
)
AREAS = ("sign_in", "access", "person", "roles", "role", "scope", "export", "batch", "policy", "approval", "review",
         "brake", "incident", "customer", "connection", "document", "audit")  # fmt: skip


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The entries this person may read, narrowed by what stands in the address."""
    _must_read(request)
    filters = TrailFilters(request.GET, request.user)
    found = page_of(filters.narrow(seen_by(request.user)), **_place(request.GET))
    context = {
        "filters": filters,
        "page": found,
        "rows": rows_of(found.entries),
        "query": _query(request.GET),
        "narrowed": any(value not in (None, "") for value in getattr(filters, "cleaned_data", {}).values()),
        "further": any(request.GET.get(name) for name in ("target", "correlation", "ip", "customer", "connection")),
        "reads": reads(request.user),
        "may_export": rights.can(request.user, "export"),
        "may_verify": rights.can(request.user, "audit"),
        "may_pack": rights.can(request.user, "evidence"),
        "areas": [*VERBS, *AREAS],
        "correlation": request.GET.get("correlation", ""),
    }
    return render(request, "audit/page.html", context)


@require_GET
def entry(request: HttpRequest, sequence: int) -> HttpResponse:
    """One entry in full. Errors: Http404, also for one this person may not read."""
    _must_read(request)
    found = get_object_or_404(seen_by(request.user), sequence=sequence)
    alike = seen_by(request.user).filter(correlation=found.correlation) if found.correlation else None
    context = {
        "row": rows_of([found])[0],
        "entry": found,
        "changes": differences(found.facts.get("before"), found.facts.get("after")),
        "facts": [(name, written(value)) for name, value in found.facts.items() if name not in ("before", "after")],
        "together": alike.count() if alike is not None else 0,
        "packed": found.target if found.target.partition(":")[0] in dict(EVIDENCE_KINDS) else "",
        "may_pack": rights.can(request.user, "evidence"),
        "agrees": found.hash == found.computed_hash() and _sealed(found),
    }
    return render(request, "audit/entry.html", context)


@require_POST
def export_file(request: HttpRequest) -> HttpResponse:
    """The narrowed trail as a file. Errors: NotAllowed."""
    rights.require(request.user, "export")
    query = QueryDict(request.POST.get("query", ""))
    filters = TrailFilters(query, request.user)
    format = request.POST.get("format", "")
    back = f"{reverse('audit')}?{query.urlencode()}"
    if format not in FORMATS or not filters.is_valid():
        messages.error(request, _("Choose a format, and filters that fit."))
        return redirect(back)
    entries = filters.narrow(seen_by(request.user))
    try:
        pieces = export(entries, format=format, query=query.urlencode(), by=request.user, ip=address_of(request))
    except TooMany as problem:
        messages.error(request, str(problem))
        return redirect(back)
    kind = "text/csv; charset=utf-8" if format == "csv" else "application/x-ndjson; charset=utf-8"
    response = StreamingHttpResponse(pieces, content_type=kind)
    name = f"audit-{timezone.localtime():%Y-%m-%d-%H%M}.{format}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_http_methods(["GET", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """Whether the chain holds, when that was last looked into, and looking into it now."""
    rights.require(request.user, "audit")
    if request.method == "POST":
        enqueue(verify_trail, by=request.user)
        messages.success(request, _("The whole trail is being verified. The result appears here."))
        return redirect("audit_verify")
    try:
        marks, damage = checkpoints.read(), ""
    except checkpoints.Damaged as problem:
        marks, damage = [], str(problem)
    last = AuditEntry.objects.filter(action__in=verifying.RECORDED).order_by("-sequence").first()
    first = AuditEntry.objects.order_by("sequence").first()
    running = Job.objects.filter(unique_key="audit verification", state__in=[Job.State.QUEUED, Job.State.RUNNING])
    context = {
        "last": last,
        "holds": last is not None and last.action == verifying.HELD,
        "job": running.first(),
        "no_worker": not worker_is_there(),
        "marks": marks[:-11:-1],
        "mark_count": len(marks),
        "damage": damage,
        "place": checkpoints.place(),
        "keys": audit_key.public_keys(),
        "entries": AuditEntry.objects.order_by("-sequence").values_list("sequence", flat=True).first() or 0,
        "first": first,
        "years": settings.DESK_AUDIT_YEARS,
        "kept_until": first.at + timedelta(days=365.25 * settings.DESK_AUDIT_YEARS) if first else None,
    }
    return render(request, "audit/verify.html", context)


@require_http_methods(["GET", "POST"])
def evidence(request: HttpRequest) -> HttpResponse:
    """Asking for an evidence pack; `?of=invoice:42` fills the form in. Errors: NotAllowed."""
    rights.require(request.user, "evidence")
    given = request.POST if request.method == "POST" else request.GET
    kind, _colon, key = given.get("of", "").partition(":")
    kind, key = given.get("kind") or kind, given.get("key") or key
    error = ""
    if request.method == "POST":
        try:
            packed = ask(f"{kind}:{key}", by=request.user, ip=address_of(request))
        except (NoSuch, audit_key.NoKey) as problem:
            error = str(problem)
        else:
            messages.success(
                request, _("The pack about %(about)s is being written. It appears below.") % {"about": packed.about}
            )
            return redirect("exports")
    context = {"kinds": EVIDENCE_KINDS, "kind": kind, "key": key, "error": error, "keys": audit_key.public_keys()}
    return render(request, "audit/evidence.html", context, status=422 if error else 200)


def _sealed(entry: AuditEntry) -> bool:
    return not entry.seal or audit_key.is_sealed(entry.hash, entry.seal)


def _must_read(request: HttpRequest) -> None:
    """Errors: Http404."""
    if not any(rights.can(request.user, right) for right in READERS):
        raise Http404


def _place(given: QueryDict) -> dict[str, int]:
    for name in ("before", "after"):
        text = given.get(name, "")
        if text.isdecimal() and len(text) < 19:
            return {name: int(text)}
    return {}


def _query(given: QueryDict) -> str:
    """The filters in the address, without the place."""
    kept = QueryDict(mutable=True)
    for name in TrailFilters.base_fields:
        if given.get(name):
            kept[name] = given[name]
    return kept.urlencode()
