"""A desk with a policy in force, people of several roles, and operations at a provider in memory."""

import pytest

from invoicing.approvals import publishing
from invoicing.approvals.policies import ready_made
from invoicing.models import Policy
from invoicing.operations.requesting import request_operation
from tests.operations.rows import clock
from tests.operations.test_rules import fakes, wish

__all__ = ["clock", "fakes", "wish"]
ONE = [{"count": 1, "roles": []}]
TWO = [{"count": 2, "roles": []}]


@pytest.fixture
def policy(person):
    """policy({"verbs": [...], "steps": [...]}, …) puts these rules in force."""

    def publish(*rules):
        rules = [{"name": f"Rule {number}"} | rule for number, rule in enumerate(rules, 1)] or ready_made()
        first, second = person("controller"), person("controller")
        made = publishing.draft(rules, by=first, note="To begin with")
        for by in (first, second):
            publishing.publish(made, by=by, digest=made.digest, reason="Agreed")
            by.is_active = False  # so that tests count only the people they name
            by.save()
        return Policy.objects.in_force()

    return publish


@pytest.fixture
def awaiting(wish, policy):
    """awaiting() is an operation that waits for one approval, unless other rules are given."""

    def ask(*rules, **given):
        if not Policy.objects.in_force():
            policy(*(rules or ({"steps": ONE},)))
        operation = request_operation(wish(**given))
        assert operation.state == "requested"
        return operation.approval_request

    return ask
