"""Files of a list: asking for one, and those one has asked for."""

import json
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from invoicing.access import rights
from invoicing.exports import files, keeping, ordering
from invoicing.exports.asked import TABLES, CannotExport, Wanted
from invoicing.listing.columns import UnknownColumns, columns_named
from invoicing.models import Export
from invoicing.vocabulary import Direction
from invoicing.web.finding import address_of, must_see
from invoicing.web.waiting import worker_is_there

LISTS = {"receivables": Direction.RECEIVABLE, "payables": Direction.PAYABLE}
TYPES = {
    Export.Format.CSV: "text/csv; charset=utf-8",
    Export.Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Export.Format.JSONL: "application/x-ndjson; charset=utf-8",
    Export.Format.PDF_ZIP: "application/zip",
    Export.Format.PDF_MERGED: "application/pdf",
    Export.Format.EVIDENCE: "application/zip",
}
MOST = 100


@dataclass(frozen=True)
class Told:
    """One export for reading. Not `covered`: this person may see less by now, so what it held is not told."""

    export: Export
    covered: bool = True

    @property
    def open(self) -> bool:
        return self.export.state in keeping.OPEN

    @property
    def name(self) -> str:
        return file_name(self.export)

    @property
    def done(self) -> int | None:
        """How many invoices are through; None where that is not known yet."""
        export = self.export
        if parts := list(export.parts.all()):
            return sum(len(part.found) for part in parts)
        return export.job.done if export.job else None

    @property
    def totals(self) -> list[dict]:
        """Those of most amounts first."""
        return sorted(self.export.totals, key=lambda each: -each["amounts"]) if self.covered else []

    @property
    def pdfs(self) -> bool:
        return self.export.format in (Export.Format.PDF_ZIP, Export.Format.PDF_MERGED)

    @property
    def evidence(self) -> bool:
        return self.export.format == Export.Format.EVIDENCE

    @property
    def list_url(self) -> str:
        """The list as it was asked for, with what it holds now."""
        if self.export.chosen is not None or self.evidence:
            return ""
        path = reverse("payables" if self.export.direction == Direction.PAYABLE else "receivables")
        return f"{path}?{self.export.query}" if self.export.query else path


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The files this person asked for, newest first."""
    must_see(request)
    keeping.settle(request.user)
    mine = Export.objects.filter(requested_by=request.user).select_related("job").prefetch_related("parts")
    rows = [Told(export, keeping.covered(export, request.user)) for export in mine.order_by("-created_at")[:MOST]]
    waits = any(each.open for each in rows)
    context = {
        "exports": rows,
        "waits": waits,
        "may_export": rights.can(request.user, "export"),
        "no_worker": waits and not worker_is_there(),
        "most": MOST,
    }
    return render(request, "exports/page.html", context)


@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """A small file comes back at once; for a large one, and for PDFs, the page of exports follows it.

    Errors: NotAllowed.
    """
    rights.require(request.user, "export")
    back = request.POST.get("list", "")
    try:
        wanted = _wanted(request)
        export = ordering.ask(wanted, ip=address_of(request))
    except CannotExport as problem:
        messages.error(request, str(problem))
        return redirect(back if _is_list(back) else "exports")
    return _answer(request, export)


@require_POST
def repeat(request: HttpRequest, pk) -> HttpResponse:
    """The same file again, of the list as it is now. Errors: Http404, NotAllowed."""
    rights.require(request.user, "export")
    export = _mine(request, pk)
    try:
        return _answer(request, ordering.repeat(export, by=request.user, ip=address_of(request)))
    except CannotExport as problem:
        messages.error(request, str(problem))
        return redirect("exports")


def _answer(request: HttpRequest, export: Export) -> HttpResponse:
    if export.state == Export.State.READY:
        return _file(request, export)
    message = ngettext(
        "The file of %(n)s invoice is being written. It appears below.",
        "The file of %(n)s invoices is being written. It appears below.",
        export.invoices or 0,
    )
    messages.info(request, message % {"n": f"{export.invoices:,}"})
    return redirect("exports")


@require_GET
def download(request: HttpRequest, pk) -> HttpResponse:
    """The file, from its own hiding place. Errors: Http404, NotAllowed."""
    rights.require(request.user, "export")
    return _file(request, _mine(request, pk))


def _file(request: HttpRequest, export: Export) -> HttpResponse:
    try:
        path = keeping.downloaded(export, by=request.user, ip=address_of(request))
    except keeping.Gone as gone:
        messages.error(request, str(gone))
        return redirect("exports")
    kind = TYPES[Export.Format(export.format)]
    response = FileResponse(path.open("rb"), as_attachment=True, filename=file_name(export), content_type=kind)
    response["X-Export-Invoices"], response["X-Export-Rows"] = str(export.invoices), str(export.rows)
    response["X-Export-Totals"] = json.dumps(export.totals)  # plain ASCII
    response["X-Export-As-Of"] = export.as_of.isoformat()
    response["X-Export-Time-Zone"] = timezone.get_default_timezone_name()
    response["X-Export-SHA256"] = export.sha256
    return response


@require_GET
def summary(request: HttpRequest, pk) -> HttpResponse:
    """What the file holds, for programs: a table of CSV has no place to say it. Errors: Http404, NotAllowed."""
    rights.require(request.user, "export")
    export = _mine(request, pk)
    if export.state not in (Export.State.READY, Export.State.EXPIRED) or not keeping.covered(export, request.user):
        raise Http404
    told = {
        "file": file_name(export),
        "format": export.format,
        "rows_are": export.level,
        "direction": export.direction,
        "filter": export.query,
        "filter_in_words": export.about,
        "columns": export.columns or "all",
        "invoices": export.invoices,
        "rows": export.rows,
        "totals": export.totals,
        "as_of": export.as_of,
        "time_zone": timezone.get_default_timezone_name(),
        "size": export.size,
        "sha256": export.sha256,
        "notes": export.notes,
    }
    response = JsonResponse(told, json_dumps_params={"indent": 1})
    response["Content-Disposition"] = f'attachment; filename="{file_name(export)}-summary.json"'
    return response


@require_POST
def stop(request: HttpRequest, pk) -> HttpResponse:
    """Errors: Http404, NotAllowed."""
    export = _mine(request, pk)
    if keeping.stop(export, by=request.user):
        messages.success(request, _("It was stopped; no file was kept."))
    else:
        messages.info(request, _("It has ended already."))
    return redirect("exports")


@require_POST
def delete(request: HttpRequest, pk) -> HttpResponse:
    """Errors: Http404, NotAllowed."""
    keeping.delete(_mine(request, pk), by=request.user, ip=address_of(request))
    messages.success(request, _("The file is deleted. That it was there stays in the audit trail."))
    return redirect("exports")


def _mine(request: HttpRequest, pk) -> Export:
    """Errors: Http404, also for somebody else's."""
    must_see(request)
    return get_object_or_404(Export.objects.select_related("requested_by"), pk=pk, requested_by=request.user)


def file_name(export: Export) -> str:
    """receivables-lines-2026-11-20-1735.csv."""
    at = timezone.localtime(export.created_at)
    if export.format == Export.Format.EVIDENCE:
        return f"evidence-{slugify(export.query.replace(':', '-'))}-{at:%Y-%m-%d-%H%M}.zip"
    parts = [f"{export.direction}s" if export.direction in Direction.values else "invoices"]
    if export.level == Export.Level.LINES:
        parts.append("lines")
    return f"{'-'.join(parts)}-{at:%Y-%m-%d-%H%M}.{files.ENDINGS[Export.Format(export.format)]}"


def _is_list(address: str) -> bool:
    return urlsplit(address).path in map(reverse, LISTS) and address.startswith("/") and not address.startswith("//")


def _wanted(request: HttpRequest) -> Wanted:
    """What the menu of a list, or the bar of its ticked rows, asks for. Errors: CannotExport."""
    posted, address = request.POST, request.POST.get("list", "")
    if not _is_list(address):
        raise CannotExport(_("This belongs to no list. Go back to the list and ask again."))
    parts = urlsplit(address)
    direction = next(each for name, each in LISTS.items() if reverse(name) == parts.path)
    query = QueryDict(parts.query, mutable=True)
    chosen = None
    if "ticked" in request.GET and "all" not in posted:
        chosen = _ticked(posted)
        if not chosen:
            raise CannotExport(_("No row is ticked. Tick some, or ask for all that are listed."))
    keys: tuple[str, ...] = ()
    if posted.get("columns") == "shown" and posted.get("format") in TABLES:
        try:
            shown = columns_named(query.get("columns", ""), direction)
        except UnknownColumns as unknown:
            raise CannotExport(str(unknown)) from None
        keys = tuple(each.key for each in shown if not each.needs or rights.can(request.user, each.needs))
    for name in ("after", "before", "exact", "jump"):
        query.pop(name, None)
    return Wanted(
        format=posted.get("format", ""),
        direction=direction.value,
        query=query.urlencode(),
        level=posted.get("level") or Export.Level.INVOICES,
        keys=keys,
        chosen=chosen,
        person=request.user,
    )


def _ticked(posted: QueryDict) -> tuple[int, ...]:
    written = [*posted.getlist("pk"), *posted.get("others", "").split(",")]
    return tuple(dict.fromkeys(int(text) for text in written if text.isdecimal() and len(text) < 19))
