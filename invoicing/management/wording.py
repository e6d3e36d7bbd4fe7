"""Every text a page can show, gathered from templates, from calls of gettext, and from what the lower floors say in English."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.catalog import Message as Entry
from babel.messages.extract import extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = settings.BASE_DIR
SPEAKING = ("operations", "mirror", "providers")
"""Rooms whose sentences are English where they are kept; web/sentences.py says them in the reader's language."""
KEYWORDS = ("_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy", "pgettext_lazy")
SILENT = {"ValueError", "LookupError", "KeyError", "TypeError", "RuntimeError"}
"""Exceptions that no person reads."""
NOT_WORDS = re.compile(
    r"[<>]|SELECT |WHERE |INSERT |FROM |ORDER |ON CONFLICT|COPY |:\{|://|^/|[a-z]:[a-z{]|^[A-Z][A-Za-z]+(Error|Run)\b"
)


def languages() -> list[str]:
    return [code for code, _name in settings.LANGUAGES if code != "en"]


def catalog_path(language: str) -> Path:
    return ROOT / "locale" / language / "LC_MESSAGES" / "django.po"


Message = str | tuple[str, str]


def texts() -> Catalog:
    """All of them, in a stable order, without the lines they stand in: a catalog changes when a text does."""
    found = Catalog()
    everything = {*_of_templates(), *_of_calls(), *((text, "") for text in _of_sentences())}
    for message, context in sorted(everything, key=str):
        found.add(message, context=context or None)
    return found


def of_templates(patterns: Iterable[str]) -> set[Message]:
    """What the templates of these screens say; each is a pattern like `home/*.html`."""
    paths = [path for each in patterns for path in sorted((ROOT / "templates").glob(each))]
    return {message for path in paths for message in _in_template(path)}


def _of_templates() -> Iterator[tuple[Message, str]]:
    for path in sorted((ROOT / "templates").rglob("*.html")):
        for message in _in_template(path):
            yield message, ""


def _in_template(path: Path) -> Iterator[Message]:
    """From what Django makes of a template for an extractor: calls between runs of X."""
    source = templatize(path.read_text(), origin=str(path))
    for call in re.finditer(r"\b(?:gettext|ngettext|_)\(", source):
        text = source[call.start() :]
        for end in (at.end() for at in re.finditer(r"\)", text)):
            try:
                found = ast.parse(text[:end], mode="eval").body
            except SyntaxError:
                continue
            yield from _called(found)
            break


def _called(call: ast.expr) -> Iterator[Message]:
    if isinstance(call, ast.Call):
        given = [each.value for each in call.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
        if len(given) == 2:
            yield given[0], given[1]
        elif given:
            yield given[0]


def _of_calls() -> Iterator[tuple[Message, str]]:
    for path in sorted((ROOT / "invoicing").rglob("*.py")):
        with path.open("rb") as file:
            for _line, name, message, _comments in extract_python(file, dict.fromkeys(KEYWORDS), [], {}):
                given = [each for each in message if each] if isinstance(message, tuple) else [message]
                if not given or not given[0]:
                    continue
                if name.startswith("p"):
                    yield given[1], given[0]
                else:
                    yield ((given[0], given[1]) if name.startswith("n") else given[0]), ""


def _of_sentences() -> Iterator[str]:
    for room in SPEAKING:
        for path in sorted((ROOT / "invoicing" / room).rglob("*.py")):
            for text in sentences(ast.parse(path.read_text())):
                if room == "operations" or text.endswith("."):  # a provider's own labels are facts, not our words
                    yield text


def sentences(tree: ast.AST) -> Iterator[str]:
    """The texts in a module that are words for people: as they are, or as a pattern with named places."""
    silent = {id(each) for node in ast.walk(tree) for each in _not_said(node)}
    for node in ast.walk(tree):
        if id(node) in silent:
            continue
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and _is_name(node.targets[0]):
            yield node.value.value
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_said(node.value):
            yield node.value
        elif isinstance(node, ast.JoinedStr) and _is_said(text := pattern_of(node), made=True):
            yield text


def _is_name(target: ast.expr) -> bool:
    """What a verb is called, and what was done once it succeeded."""
    return isinstance(target, ast.Name) and target.id in ("name", "done")


def _not_said(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield from (each for part in node.values for each in ast.walk(part))
    elif isinstance(node, ast.Subscript):
        yield from ast.walk(node.slice)
    elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
        if getattr(node.exc.func, "id", "") in SILENT:
            yield from ast.walk(node.exc)
    elif isinstance(node, ast.Call) and getattr(getattr(node.func, "value", None), "id", "") in ("log", "logger", "re"):
        yield from ast.walk(node)


def _is_said(text: str, *, made: bool = False) -> bool:
    """A sentence, or one of the few words a verb, a field or a label has."""
    bare = re.sub(r"%\(\w+\)s", "", text)
    if NOT_WORDS.search(text) or not re.search(r"[a-z]{2}", bare):
        return False
    if made:
        return len(re.findall(r"[A-Za-z]", bare)) >= 4 and " " in bare.strip()
    return bool(re.match(r"[A-Z][a-z]|[A-Z]+ [a-z]", text) or re.search(r"[a-z]{2,} [a-z]{2,} [a-z]", text))


def pattern_of(node: ast.JoinedStr) -> str:
    """f"{name} has it" → "%(name)s has it"."""
    used: dict[str, str] = {}
    return "".join(
        part.value.replace("%", "%%") if isinstance(part, ast.Constant) else f"%({_named(ast.unparse(part), used)})s"
        for part in node.values
    )


def _named(expression: str, used: dict[str, str]) -> str:
    words = [word for word in re.findall(r"[a-z_]\w*", expression) if word not in ("str", "len", "f", "or", "if")]
    name = base = words[-1] if words else "value"
    count = 1
    while used.get(name, expression) != expression:
        count += 1
        name = f"{base}{count}"
    used[name] = expression
    return name


def updated(language: str) -> Catalog:
    """The language's catalog with exactly the texts there are now; what was said of the others is dropped."""
    path = catalog_path(language)
    catalog = Catalog(locale=language)
    if path.is_file():
        with path.open("rb") as file:
            catalog = read_po(file, locale=language)
    catalog.header_comment = f"# Texts of Invoice Desk: {language}. `make words` gathers them anew and compiles them."
    catalog.project, catalog.version = "Invoice Desk", "1"
    catalog.update(texts(), no_fuzzy_matching=True, update_creation_date=False)
    catalog.obsolete.clear()
    return catalog


def write(language: str, catalog: Catalog) -> None:
    path = catalog_path(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalog, width=110, omit_header=False, sort_output=False, no_location=True)
    with path.with_suffix(".mo").open("wb") as file:
        write_mo(file, catalog)


def is_said(message: Entry) -> bool:
    """Whether a text has its translation, in every form it takes."""
    return all(message.string) if isinstance(message.string, tuple) else bool(message.string)
