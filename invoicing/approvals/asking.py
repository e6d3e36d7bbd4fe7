"""Opening a request for approval, where the policy in force asks for one."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings

from invoicing.access.rights import Amount
from invoicing.approvals import policies, seals, workdays
from invoicing.approvals.policies import Subject
from invoicing.models import ApprovalRequest, Connection, Invoice, Operation, Policy, User, clock
from invoicing.money import exact_text, total_of


def rules_in_force() -> tuple[Policy | None, list[policies.Rule]]:
    policy = Policy.objects.in_force()
    return policy, policies.rules_in(policy.rules) if policy else []


def subject_of(verb: str, connection: Connection, invoice: Invoice | None, amounts: Sequence[Amount] = ()) -> Subject:
    customer = {invoice.customer.name, invoice.customer.external_id} if invoice else set()
    return Subject(
        verb=verb,
        provider=connection.provider,
        connection=connection.name,
        direction=connection.direction,
        customers=frozenset(customer),
        amounts=tuple(amounts),
    )


def needed(
    verb: str, connection: Connection, invoice: Invoice | None, arguments: dict[str, Any]
) -> list[dict[str, Any]]:
    """What would be asked for, were this asked now: for the page that says so beforehand."""
    _policy, rules = rules_in_force()
    return policies.needs_of(rules, [subject_of(verb, connection, invoice, seals.amounts_in(invoice, arguments))])


def needed_now(operation: Operation) -> tuple[Policy | None, list[dict[str, Any]]]:
    """The policy in force, and what it asks for this operation as it stands."""
    policy, rules = rules_in_force()
    subject = subject_of(operation.verb, operation.connection, operation.invoice, seals.amounts_of(operation))
    return policy, policies.needs_of(rules, [subject])


def open_for(operation: Operation, *, title: str) -> ApprovalRequest | None:
    """The request that this operation waits for, in the caller's transaction; None where the policy asks nobody."""
    policy, needs = needed_now(operation)
    if policy is None or not needs:
        return None
    content = seals.content_of(operation, operation.seen)
    return _opened(policy, needs, content, title, operation.requester, operation=operation)


def open_for_rest(step: Operation, whole: Operation, *, by: User, title: str) -> ApprovalRequest | None:
    """The same for a step that a person goes on with: what is asked for the whole is asked for the rest of it. Neither who
    goes on nor who asked for the whole approves it.
    """
    policy, needs = needed_now(whole)
    if policy is None or not needs:
        return None
    content = seals.content_of(step, step.seen)
    editor = whole.requester if whole.requester_id != by.pk else None
    return _opened(policy, needs, content, title, by, operation=step, editor=editor)


def needed_for_batch(
    verb: str, invoices: Iterable[Invoice], arguments: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """What the policy in force asks for a batch of these invoices as a whole; empty when nobody is asked."""
    _policy, rules = rules_in_force()
    return policies.needs_of(rules, _batch_subjects(verb, list(invoices), arguments or {})) if rules else []


def open_for_batch(
    batch: uuid.UUID,
    *,
    verb: str,
    arguments: dict[str, Any],
    rows: Sequence[tuple[Invoice, str]],
    by: User,
    title: str,
    then: str = "",
    digest: str = "",
) -> ApprovalRequest | None:
    """One request for all of a batch, in the caller's transaction; None where the policy asks nobody.

    `rows`: each invoice with the digest of what must still hold of it when it is sent; `digest`: of the batch as it was
    shown; `then`: the dotted path of the task that is enqueued with `batch_id` once it is approved.
    """
    policy, rules = rules_in_force()
    invoices = [invoice for invoice, _digest in rows]
    subjects = _batch_subjects(verb, invoices, arguments)
    needs = policies.needs_of(rules, subjects)
    if policy is None or not needs:
        return None
    amounts = list(dict.fromkeys(amount for subject in subjects for amount in subject.amounts))
    content = {
        "batch": str(batch),
        "digest": digest,
        "verb": verb,
        "arguments": arguments,
        "connections": sorted({invoice.connection_id for invoice in invoices}),
        "rows": [[each.pk, each.connection_id, each.external_id, each.version, shown] for each, shown in rows],
        "amounts": [[None if figure is None else exact_text(figure), unit] for figure, unit in amounts],
        "totals": [[exact_text(figure), unit] for figure, unit in _totals(invoices) if figure is not None],
    }
    return _opened(policy, needs, content, title, by, batch=batch, then=then)


def covering(batch: uuid.UUID) -> ApprovalRequest | None:
    """The request under which a batch's rows stand, whatever became of it."""
    return ApprovalRequest.objects.filter(batch=batch).first()


def _batch_subjects(verb: str, invoices: list[Invoice], arguments: dict[str, Any]) -> list[Subject]:
    """The rows, and the batch as a whole: at each connection, with its totals."""
    subjects: list[Subject] = []
    by_connection: dict[int, list[Invoice]] = {}
    for invoice in invoices:
        by_connection.setdefault(invoice.connection_id, []).append(invoice)
    totals = _totals(invoices)
    for group in by_connection.values():
        connection = group[0].connection
        for invoice in group:
            one = subject_of(verb, connection, invoice, seals.amounts_in(invoice, arguments))
            subjects.append(_with_rows(one, one.amounts, len(invoices)))
        subjects.append(_with_rows(subject_of(verb, connection, None), totals, len(invoices)))
    return subjects


def _with_rows(subject: Subject, amounts: Sequence[Amount], rows: int) -> Subject:
    return Subject(
        verb=subject.verb,
        provider=subject.provider,
        connection=subject.connection,
        direction=subject.direction,
        customers=subject.customers,
        amounts=tuple(amounts),
        rows=rows,
    )


def _totals(invoices: Iterable[Invoice]) -> list[Amount]:
    """What they come to, unit by unit; credits and charges do not hide each other."""
    found: dict[str, list] = {}
    for invoice in invoices:
        if invoice.total is not None:
            found.setdefault(invoice.currency, []).append(abs(invoice.total))
    return [(total_of(amounts), unit) for unit, amounts in sorted(found.items())]


def _opened(policy, needs, content, title, requester, **about) -> ApprovalRequest:
    now, content = clock.now(), content | {"policy": policy.number}
    return ApprovalRequest.objects.create(
        policy=policy,
        needs=needs,
        content=content,
        seal=seals.digest(content),
        title=title[:300],
        requester=requester,
        asked_at=now,
        due_at=workdays.due_after(now, settings.DESK_APPROVAL_DUE_DAYS),
        expires_at=now + timedelta(days=settings.DESK_APPROVAL_EXPIRES_DAYS),
        **about,
    )
