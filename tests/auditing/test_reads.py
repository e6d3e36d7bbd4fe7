"""Reads that a person asks for are on record with what came back, those that fail too."""

import pytest

from invoicing.jobs import progress
from invoicing.mirror import tasks
from invoicing.mirror.refresh import Refreshed
from invoicing.models import AuditEntry, Job
from invoicing.providers.errors import ProviderError
from tests.factories import make_invoice

pytestmark = pytest.mark.django_db


@pytest.fixture
def refresh(connection_to, operator, monkeypatch):
    """refresh(result or error, by a person?) runs the job."""
    invoice = make_invoice(connection_to("orb"))

    def run(end, *, by=operator):
        def answer(given):
            if isinstance(end, Exception):
                raise end
            return Refreshed(True, given, end)

        monkeypatch.setattr(tasks, "refresh_invoice", answer)
        job = Job.objects.create(task="x", requested_by=by, state=Job.State.RUNNING)
        token = progress.current.set(job)
        try:
            tasks.refresh_invoice_job.func(invoice_id=invoice.pk)
        finally:
            progress.current.reset(token)
        return invoice

    return run


def test_what_a_person_had_read_again(refresh, operator):
    invoice = refresh([{"field": "status", "before": "draft", "after": "finalized"}])
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.of_invoice) == ("invoice.refreshed", operator, invoice.pk)
    assert entry.facts["changed"] == ["status"] and entry.facts["request"]["external_id"] == invoice.external_id


def test_a_read_that_failed(refresh):
    with pytest.raises(ProviderError):
        refresh(ProviderError("It did not answer.", status=502, said="Bad gateway"))
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.outcome) == ("invoice.not_answered", "failed")
    assert (entry.facts["status"], entry.facts["said"]) == (502, "Bad gateway")


def test_reads_of_the_desk_itself_are_no_news(refresh):
    refresh([], by=None)
    assert not AuditEntry.objects.exists()
