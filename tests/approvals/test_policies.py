"""When a rule applies, what rules ask together, and which rules are none."""

from decimal import Decimal

import pytest

from invoicing.approvals.policies import NotAPolicy, Subject, digest, needs_of, ready_made, rules_in

ONE = [{"count": 1, "roles": []}]


def subject(**given):
    plain = {"verb": "void", "provider": "orb", "connection": "orb-eu", "direction": "receivable"}
    return Subject(**plain | {"amounts": ((Decimal("500"), "USD"),), "customers": frozenset({"Acme", "cus_1"})} | given)


def applies(rule, about):
    return bool(needs_of(rules_in([{"name": "R", "steps": ONE} | rule]), [about]))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, True),
        ({"verbs": ["void"]}, True),
        ({"verbs": ["finalize"]}, False),
        ({"providers": ["orb", "metronome"], "connections": ["orb-eu"], "direction": "receivable"}, True),
        ({"connections": ["orb-us"]}, False),
        ({"direction": "payable"}, False),
        ({"customer": "acme"}, True),
        ({"customer": "CUS_1"}, True),
        ({"customer": "Acme Inc"}, False),
        ({"above": "499.99"}, True),
        ({"above": "500"}, False),
        ({"up_to": "500"}, True),
        ({"above": "499", "unit": "EUR"}, False),
        ({"unit": "USD"}, True),
        ({"unit": "EUR"}, False),
        ({"rows_above": 0}, False),
    ],
)
def test_what_a_rule_applies_to(rule, expected):
    assert applies(rule, subject()) is expected


@pytest.mark.parametrize(("amount", "expected"), [("-20000", True), ("10000", False), (None, True), ("10000.01", True)])
def test_a_credit_weighs_as_much_as_a_charge_and_an_unknown_amount_may_be_any(amount, expected):
    about = subject(amounts=((amount and Decimal(amount), "JPY"),))
    assert applies({"above": "10000"}, about) is expected
    assert applies({"above": "10000"}, subject(amounts=()))


def test_the_ready_made_policy_asks_one_and_where_it_is_large_two():
    rules = rules_in(ready_made())

    def people(*subjects):
        return max((need["steps"][0]["count"] for need in needs_of(rules, subjects)), default=0)

    assert people(subject()) == 1
    assert people(subject(amounts=((Decimal("10000.01"), "BHD"),))) == 2
    assert people(subject(verb="update")) == 0
    assert people(subject(verb="update", rows=2)) == 1
    assert people(subject(verb="update", rows=25)) == 1
    assert people(subject(verb="update", rows=26)) == 2


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"),
        ({"steps": []}, "steps"),
        ({"steps": [{"count": 0}]}, "steps"),
        ({"steps": [{"count": "-1"}]}, "steps"),
        ({"above": "1,000"}, "above"),
        ({"above": "NaN"}, "above"),
        ({"above": "-1"}, "above"),
        ({"above": "5", "up_to": "5"}, "up_to"),
        ({"rows_above": "many"}, "rows_above"),
        ({"direction": "sideways"}, "direction"),
        ({"except": ["void"]}, ""),
    ],
)
def test_what_is_no_rule_is_told_by_rule_and_field(wrong, field):
    with pytest.raises(NotAPolicy) as told:
        rules_in([{"name": "Good", "steps": ONE}, {"name": "R", "steps": ONE} | wrong])
    assert (told.value.rule, told.value.field) == (2, field)


def test_two_rules_of_one_name_are_refused_and_every_digit_is_kept():
    with pytest.raises(NotAPolicy):
        rules_in([{"name": "R", "steps": ONE}] * 2)
    [rule] = rules_in([{"name": "R", "steps": ONE, "above": "10000.000000001"}])
    assert rule.as_json()["above"] == "10000.000000001"
    assert rules_in([rule.as_json()]) == [rule] and digest([rule]) == digest(rules_in([rule.as_json()]))
