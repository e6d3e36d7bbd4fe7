"""What was refused at the doors goes on record: sign-ins that failed, and what a right or a check forbade.

So much from one person or address in ten minutes, and no more: nobody fills the trail by knocking.
"""

import re
import time

from allauth.account.signals import user_logged_in
from django.contrib.auth.signals import user_logged_out, user_login_failed
from django.core.cache import cache
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

from invoicing.models import AuditEntry
from invoicing.web.finding import address_of

SECONDS = 600
MOST = 40  # of one person or address
MOST_OF_STRANGERS = 400  # of all who are not signed in, together
CHECKS = {"account_reauthenticate", "mfa_authenticate", "mfa_reauthenticate", "mfa_login_webauthn", "mfa_reauthenticate_webauthn"}  # fmt: skip
"""Addresses that ask who somebody is: a form that comes back was not accepted."""
SIGN_INS = CHECKS | {"account_login"}
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f]")
RECORDS = (("invoices/", "invoice"), ("operations/", "operation"), ("customers/", "customer"), ("approvals/", "approval"),
           ("batches/", "batch"), ("connections/", "connection"), ("people/", "user"))  # fmt: skip


class Doors:
    """Records each answer that refuses."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        name = request.resolver_match.url_name if request.resolver_match else ""
        if response.status_code == 403:
            record(request, "access.refused", why=getattr(response, "said", ""))
        elif response.status_code == 429 and name in SIGN_INS:
            record(request, "sign_in.held_back", why="Too many tries")
        elif request.method == "POST" and response.status_code == 200 and name in CHECKS:
            record(request, "sign_in.failed", step=name)
        return response


@receiver(user_login_failed)
def _not_signed_in(credentials, request=None, **given) -> None:
    if request is not None:
        record(request, "sign_in.failed", **{"as": str(credentials.get("email") or credentials.get("username") or "")})


@receiver(user_logged_in)
def _signed_in(request, user, **given) -> None:
    AuditEntry.objects.record("sign_in.done", actor=user, target=f"user:{user.pk}", ip=address_of(request))


@receiver(user_logged_out)
def _signed_out(request, user, **given) -> None:
    if user is not None:
        AuditEntry.objects.record("sign_in.ended", actor=user, target=f"user:{user.pk}", ip=address_of(request))


def record(request: HttpRequest, action: str, **facts: str) -> None:
    """One entry, while this person or address has not knocked too often."""
    user = getattr(request, "user", None)
    person = user if user is not None and user.is_authenticated else None
    address = address_of(request)
    often = _often(f"person:{person.pk}" if person else f"address:{address}")
    if person is None:
        often = max(often, _often("strangers") - MOST_OF_STRANGERS + MOST)
    if often > MOST + 1:
        return
    if often == MOST + 1:
        facts = {"why": f"Further refusals within {SECONDS // 60} minutes are not recorded one by one."}
        action = "access.more_refused"
    facts |= {"method": request.method or "", "path": request.path}
    AuditEntry.objects.record(
        action,
        actor=person,
        target=_target(request),
        ip=address,
        **{name: _plain(text) for name, text in facts.items()},
    )


def _often(who: str) -> int:
    key = f"door:{who}:{int(time.time()) // SECONDS}"
    if cache.add(key, 1, SECONDS):
        return 1
    try:
        return cache.incr(key)
    except ValueError:  # it just ended
        return 1


def _target(request: HttpRequest) -> str:
    match = request.resolver_match
    key = match.kwargs.get("pk") if match else None
    kind = next((kind for start, kind in RECORDS if match and match.route.startswith(start)), "")
    return f"{kind}:{key}" if key is not None and kind else ""


def _plain(text: str) -> str:
    return UNSEEN.sub(" ", str(text))[:300]
