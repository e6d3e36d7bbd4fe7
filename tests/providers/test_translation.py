"""From what is seen on the wire to what may be concluded, and to words that give nothing away."""

import logging
import pickle

import pytest

from invoicing.providers.errors import Conflict, KeyRefused, Missing, NotUnderstood, RateLimited, Refused, Unknown
from invoicing.providers.secret import Secret
from tests.providers.misbehaving import KEY, ONE, READ, SEARCH, WRITE, answer, cut, raises_exactly, reset

OWN = {"detail": "Invoice is already void."}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("400 Bad Request", Refused),
        ("404 Not Found", Missing),
        ("405 Not Allowed", Refused),
        ("413 Too Large", Refused),
        ("422 Unprocessable", Refused),
        ("401 Unauthorized", KeyRefused),
        ("403 Forbidden", KeyRefused),
        ("409 Conflict", Conflict),
        ("429 Too Many", RateLimited),
        ("402 Payment Required", Unknown),
        ("408 Timeout", Unknown),
        ("418 Teapot", Unknown),
        ("500 Error", Unknown),
        ("502 Bad Gateway", Unknown),
        ("503 Unavailable", Unknown),
        ("599 Odd", Unknown),
        ("206 Partial", Unknown),
    ],
)
def test_each_status_in_the_providers_own_form(serve, wire, status, kind):
    server = serve(answer(OWN, status))

    with raises_exactly(kind) as caught:
        wire(server.url).call(WRITE, path=ONE)

    assert caught.value.status == int(status[:3])
    assert caught.value.said == ("" if status.startswith("206") else "Invoice is already void.")
    assert len(server.heads) == 1


@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "422 Unprocessable"])
@pytest.mark.parametrize(
    "body",
    [
        b"<html>nginx</html>",
        b"",
        b'{"message": "other form"}',
        b'{"detail": 1}',
        b'{"detail": NaN}',
        b'"text"',
        b"\xff",
    ],
)
def test_a_refusal_in_a_strangers_form_proves_nothing(serve, wire, naps, status, body):
    server = serve(answer(body, status, kind="text/html"))

    with raises_exactly(Unknown):
        wire(server.url).call(WRITE, path=ONE)
    with raises_exactly(NotUnderstood):
        wire(server.url).call(READ, path=ONE)

    assert len(server.heads) == 2
    assert naps == []


def test_a_refused_read_is_not_repeated(serve, wire, naps):
    for status, kind in (
        ("404 Not Found", Missing),
        ("400 Bad", Refused),
        ("401 No", KeyRefused),
        ("409 Conflict", Conflict),
    ):
        server = serve(answer(OWN, status))
        with raises_exactly(kind):
            wire(server.url).call(READ, path=ONE)
        assert len(server.heads) == 1
    assert naps == []


@pytest.mark.parametrize("endpoint", [READ, SEARCH], ids=["get", "safe post"])
def test_a_read_is_tried_four_times_and_then_given_up(serve, wire, naps, endpoint):
    server = serve(answer(b"oops", "500 Error", kind="text/plain"))

    with raises_exactly(Unknown):
        wire(server.url).call(endpoint, path=ONE, body={} if endpoint is SEARCH else None)

    assert len(server.heads) == 4
    assert len(naps) == 3


def test_tries_end_with_the_budget(serve, wire, naps):
    server = serve(answer(status="500 Error"))

    with raises_exactly(Unknown):
        wire(server.url, budget=0.2).call(READ, path=ONE)  # the shortest nap is a quarter of a second

    assert len(server.heads) == 1
    assert naps == []


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("30", 30),
        ("0", 1),
        ("1.5", 1.5),
        ("3600", 3600),
        ("99999999999999999999", 3600),
        ("Thu, 02 Jul 2026 00:05:30 GMT", 30),
        ("Thu, 02 Jul 2099 00:05:00 GMT", 3600),
        ("Thu, 02 Jul 2026 00:00:00 GMT", 1),
        ("-5", None),
        ("soon", None),
        ("1e9", None),
        ("٣", None),
        ("Thu, 99 Xxx 2026 00:05:00 GMT", None),
        ("", None),
    ],
)
def test_a_wait_is_understood_clamped_or_ignored(serve, wire, said, seconds):
    server = serve(answer(OWN, "429 Too Many", Date="Thu, 02 Jul 2026 00:05:00 GMT", Retry_After=said))

    with raises_exactly(RateLimited) as caught:
        wire(server.url).call(WRITE, path=ONE)

    assert caught.value.retry_after == seconds
    assert len(server.heads) == 1


@pytest.mark.parametrize("status", ["503 Unavailable", "400 Bad", "409 Conflict", "403 No"])
def test_any_error_that_asks_for_patience_proves_nothing(serve, wire, status):
    server = serve(answer(OWN, status, Retry_After="7"))

    with raises_exactly(RateLimited) as caught:
        wire(server.url).call(WRITE, path=ONE)

    assert caught.value.retry_after == 7


def test_a_read_waits_a_little_itself_and_leaves_long_waits_to_the_job(serve, wire, naps):
    short = serve(answer(OWN, "429 Too Many", Retry_After="2"), answer())
    assert wire(short.url).call(READ, path=ONE).status == 200
    assert naps == [2]

    long = serve(answer(OWN, "429 Too Many", Retry_After="60"), answer())
    with raises_exactly(RateLimited) as caught:
        wire(long.url).call(READ, path=ONE)
    assert caught.value.retry_after == 60
    assert naps == [2]


def test_keys_and_signed_links_are_in_no_error_and_no_log(serve, wire, caplog):
    caplog.set_level(logging.DEBUG)
    echo = {
        "detail": f"Bad key {KEY}; Authorization: Bearer abcdefghijk; see https://store.example/f.pdf?X-Amz-Signature=hush "
        "api_key=zzzzzzzzzz\x1b[31m\u202e" + "x" * 1000
    }
    told = []
    for status in ("400 Bad", "401 No", "409 Conflict", "429 Too Many", "500 Error"):
        with pytest.raises(Exception) as caught:  # noqa: PT011
            wire(serve(answer(echo, status)).url).call(WRITE, path=ONE)
        told += [repr(caught.value), str(caught.value), caught.value.said, repr(caught.value.__cause__)]
        assert 0 < len(caught.value.said) <= 500
        assert caught.value.said.isprintable()
    for bad in (cut(b""), reset, answer(b"", "500 Error")):
        with pytest.raises(Unknown) as caught:
            wire("https://api.example.com").fetch_document(serve(bad).url + "/file?X-Amz-Signature=hush")
        told += [str(caught.value), repr(caught.value.__cause__)]

    everything = " ".join(told) + caplog.text
    for secret in (KEY, "hush", "abcdefghijk", "zzzzzzzzzz"):
        assert secret not in everything


def test_a_secret_never_shows_itself():
    secret = Secret(KEY)

    assert KEY not in f"{secret} {secret!r} {secret!s:>40} {[secret]} {vars(type(secret))}"
    assert secret == Secret(KEY)
    assert secret != Secret("other")
    assert secret.reveal() == KEY
    with pytest.raises(TypeError):
        pickle.dumps(secret)
