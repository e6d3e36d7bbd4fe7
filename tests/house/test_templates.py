"""What keeps outside text from becoming markup, and pages inside their Content-Security-Policy, read from the sources."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
MODULES = sorted((ROOT / "invoicing").rglob("*.py"))
HTMX = {
    "hx-boost", "hx-confirm", "hx-disable", "hx-disabled-elt", "hx-get", "hx-headers", "hx-include", "hx-indicator",
    "hx-post", "hx-push-url", "hx-select", "hx-swap", "hx-swap-oob", "hx-sync", "hx-target", "hx-trigger", "hx-vals",
}  # fmt: skip
JOINS_HTML = {"invoicing/web/invoice_rows.py"}
"""The one file that puts HTML together by hand, and says why."""


def found(pattern, files):
    places = []
    for path in files:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if re.search(pattern, line):
                places.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    return places


def test_templates_escape_everything():
    assert found(r"\|\s*(safe|safeseq)\b|autoescape\s+off|{%\s*debug", TEMPLATES) == []


def test_only_one_module_vouches_for_html():
    vouching = found(r"\bmark_safe\(|\bSafeString\(|\bSafeText\(|__html__", MODULES)
    assert {place.partition(":")[0] for place in vouching} <= JOINS_HTML


def test_pages_carry_no_inline_script_style_or_handler():
    assert found(r"<style|\sstyle=|\son[a-z]+=|hx-on|javascript:|<script(?![^>]*\bsrc=)", TEMPLATES) == []


def test_attributes_with_values_are_quoted():
    assert found(r"<[a-z][^<>]*\s[a-z-]+=\{\{", TEMPLATES) == []


def test_htmx_attributes_are_ones_it_knows():
    """A misspelt one is ignored without a word."""
    used = {name for path in TEMPLATES for name in re.findall(r"\bhx-[a-z-]+(?==)|\bhx-disable\b", path.read_text())}
    assert used <= HTMX


def test_no_state_changes_by_get():
    """A form that changes something posts, with its token."""
    for path in TEMPLATES:
        for form in re.findall(r"<form\b.*?</form>", path.read_text(), flags=re.DOTALL):
            if 'method="post"' in form:
                assert "csrf_token" in form, f"{path.name}: {form[:80]}"
