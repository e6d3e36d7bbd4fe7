"""Pages as a test reads them: elements with their attributes and text, in order."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "input", "br", "hr", "img", "use"}


@dataclass
class Element:
    tag: str
    attributes: dict
    parts: list = field(default_factory=list)
    inside: list = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join("".join(self.parts).split())

    def all(self, tag="", **wanted) -> list["Element"]:
        """Elements inside, in order, with these attributes; True asks only that one is there."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in wanted.items()}
        return [each for each in self.inside if (not tag or each.tag == tag) and each.has(wanted)]

    def one(self, tag="", **wanted) -> "Element":
        found = self.all(tag, **wanted)
        assert len(found) == 1, f"{len(found)} of {tag} {wanted}"
        return found[0]

    def has(self, wanted) -> bool:
        for name, value in wanted.items():
            mine = self.attributes.get(name)
            if mine is None or (
                value is not True and value != mine and not (name == "class" and value in mine.split())
            ):
                return False
        return True


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag, attrs):
        element = Element(tag, {name: value or "" for name, value in attrs})
        for each in self.open:
            each.inside.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        while len(self.open) > 1:
            if self.open.pop().tag == tag:
                return

    def handle_data(self, data):
        for each in self.open:
            each.parts.append(data)


def read(response) -> Element:
    reader = _Reader()
    reader.feed(response.content.decode())
    return reader.root


def ids(page: Element) -> list[int]:
    """Our ids of the rows listed."""
    return [int(row.attributes["data-invoice"]) for row in page.all("tr", data_invoice=True)]


def count(page: Element) -> str:
    """How many invoices the page says there are."""
    return page.one("p", id="list-count").all("strong")[0].text
