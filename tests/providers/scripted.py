"""A wire for adapters that answers from a script and remembers what it was asked."""

import json

from invoicing.providers.base import Answer


class Scripted:
    """Each answer in turn: bytes as they are, an error raised, anything else as JSON."""

    def __init__(self, *answers, status=200):
        self.answers, self.status = list(answers), status
        self.asked = []
        self.documents = []

    def call(self, endpoint, *, path=None, query=(), body=None, key=""):
        self.asked.append((endpoint.method, endpoint.path.format_map(path or {}), tuple(query), body))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return said(answer, self.status)

    def fetch_document(self, url):
        self.documents.append(url)
        return b"%PDF-1.7 fetched"


def said(payload, status=200):
    """The answer as the wire would hand it over."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Answer(status=status, body=body, headers={"Content-Type": "application/json"})


def texts(snapshot, *names):
    """Amounts as text, so that a digit more or less is seen."""
    return {name: None if getattr(snapshot, name) is None else str(getattr(snapshot, name)) for name in names}


def without(payload, path):
    """A deep copy without the member at the dotted path."""
    copy = json.loads(json.dumps(payload))
    *way, last = path.split(".")
    node = copy
    for step in way:
        node = node[int(step)] if step.isdigit() else node[step]
    node.pop(last, None)
    return copy


def altered(payload, path, value):
    """A deep copy with another value at the dotted path."""
    copy = json.loads(json.dumps(payload))
    *way, last = path.split(".")
    node = copy
    for step in way:
        node = node[int(step)] if step.isdigit() else node[step]
    node[int(last) if last.isdigit() else last] = value
    return copy
