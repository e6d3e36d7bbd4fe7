"""The page in an evidence pack that people read. Everything on it is escaped: what providers and people wrote stays text."""

from typing import Any

from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from invoicing.auditing.subjects import Subject
from invoicing.models import AuditEntry, Invoice, Operation

MOST = 5000  # entries on the page; the file of entries holds them all


def style() -> str:
    return """:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 32px auto; padding: 0 20px; }
h1 { font-size: 24px; } h2 { font-size: 17px; margin-top: 32px; }
table { border-collapse: collapse; width: 100%; } caption { text-align: left; color: GrayText; padding-bottom: 6px; }
th, td { text-align: left; vertical-align: top; padding: 6px 10px 6px 0; border-bottom: 1px solid color-mix(in srgb, currentColor 18%, transparent); overflow-wrap: anywhere; }
code { font-size: 13px; overflow-wrap: anywhere; } .when { white-space: nowrap; } .scroll { overflow-x: auto; }
"""


def index_page(
    subject: Subject,
    manifest: dict[str, Any],
    operations: list[Operation],
    invoices: list[Invoice],
    wanted: list[int],
    files: list[dict[str, Any]],
) -> SafeString:
    entries = subject.entries.filter(sequence__lte=wanted[-1] if wanted else 0)[:MOST]
    return format_html(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        '<title>{} · Evidence</title><link rel="stylesheet" href="style.css"></head><body><h1>Evidence: {}</h1>'
        "<p>Packed {} by {}. Times are {} times. Signed with the key <code>{}</code>.</p>"
        "<p>To check it: <code>python3 verify.py PACK.zip</code>. Keys and signed links are masked in what was sent and "
        "received; nothing else was left out.</p>{}{}{}{}{}</body></html>",
        subject.about,
        subject.about,
        manifest["made_at"],
        manifest["made_by"],
        manifest["time_zone"],
        manifest["key"],
        _section("What is missing", ("What",), [(each,) for each in manifest["missing"]]),
        _section(
            "Invoices",
            ("Number", "Customer", "Connection", "Status", "Total", "Files"),
            [
                (
                    each.number or each.external_id,
                    each.customer.name,
                    each.connection.name,
                    each.status,
                    f"{each.total} {each.currency}" if each.total is not None else "",
                    _links(files, f"invoices/{each.pk}/"),
                )
                for each in invoices
            ],
        ),
        _section(
            "Operations",
            ("Asked", "What", "By", "Reason", "How it ended", "File"),
            [
                (
                    _when(each.created_at),
                    each.verb,
                    str(each.requester),
                    each.reason,
                    f"{each.state} {each.settled_by}".strip(),
                    _links(files, f"operations/{each.pk}"),
                )
                for each in operations
            ],
        ),
        _section(
            f"Audit entries ({len(wanted)})",
            ("Entry", "When", "Who", "Action", "Record", "Reason", "Outcome"),
            [_entry(each) for each in entries],
        ),
        _section(
            "Files",
            ("File", "Bytes", "SHA-256"),
            [(_link(each["path"]), each["size"], format_html("<code>{}</code>", each["sha256"])) for each in files],
        ),
    )


def _entry(entry: AuditEntry) -> tuple:
    return (
        entry.sequence,
        _when(entry.at),
        entry.actor_name,
        entry.action,
        entry.target,
        entry.reason,
        entry.outcome or "done",
    )


def _section(title: str, heads: tuple[str, ...], rows: list[tuple]) -> SafeString | str:
    if not rows:
        return ""
    head = format_html_join("", '<th scope="col">{}</th>', ((each,) for each in heads))
    body = format_html_join(
        "", "<tr>{}</tr>", ((format_html_join("", "<td>{}</td>", ((cell,) for cell in row)),) for row in rows)
    )
    return format_html(
        '<h2>{}</h2><div class="scroll"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>',
        title,
        head,
        body,
    )


def _links(files: list[dict[str, Any]], beginning: str) -> SafeString | str:
    paths = [each["path"] for each in files if each["path"].startswith(beginning)]
    return format_html_join(", ", '<a href="{}">{}</a>', ((path, path.rsplit("/", 1)[-1]) for path in paths))


def _link(path: str) -> SafeString:
    return format_html('<a href="{}">{}</a>', path, path)


def _when(moment) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}"
