"""How many places approvals take, whatever the roles and their order."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoicing.approvals import counting


def need(*steps, ordered=False):
    return {
        "rule": "r",
        "ordered": ordered,
        "steps": [{"count": count, "roles": list(roles)} for count, *roles in steps],
    }


def people(*roles):
    return [frozenset(each.split("+")) for each in roles]


@pytest.mark.parametrize(
    ("asked", "given_", "missing"),
    [
        (need((1,)), [], 1),
        (need((1,)), ["reviewer"], 0),
        (need((2,)), ["reviewer"], 1),
        (need((2,)), ["reviewer", "reviewer"], 0),
        (need((1, "controller")), ["reviewer"], 1),
        (need((1, "reviewer", "controller")), ["controller"], 0),
        # the controller could take either place; the reviewer only one
        (need((1, "controller", "reviewer"), (1, "controller")), ["controller", "reviewer"], 0),
        (need((1, "reviewer"), (1, "controller"), ordered=True), ["controller", "reviewer"], 1),
        (need((1, "reviewer"), (1, "controller"), ordered=True), ["reviewer", "controller"], 0),
    ],
)
def test_who_is_still_wanted(asked, given_, missing):
    assert counting.missing([asked], people(*given_)) == missing


def test_one_person_counts_for_every_rule_they_fit():
    needs = [need((1,)), need((2,)), need((1, "controller"))]
    assert counting.missing(needs, people("controller")) == 1
    assert counting.complete(needs, people("controller", "reviewer"))
    assert not counting.complete(needs, people("reviewer", "reviewer"))


def test_another_of_a_role_that_is_there_already_helps_nobody():
    asked = [need((1, "reviewer"), (1, "controller"))]
    assert counting.helps(asked, people("reviewer"), frozenset({"controller"}))
    assert not counting.helps(asked, people("reviewer"), frozenset({"reviewer"}))
    first = [need((1, "reviewer"), (1, "controller"), ordered=True)]
    assert not counting.helps(first, [], frozenset({"controller"}))


ROLES = st.sets(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3)


@given(
    st.lists(st.tuples(st.integers(1, 2), ROLES), min_size=1, max_size=3),
    st.lists(ROLES.map(frozenset), max_size=5),
)
def test_in_any_order_the_best_seating_is_found(steps, given_):
    """Held against trying every order of people on every order of places."""
    asked = need(*((count, *sorted(roles)) for count, roles in steps))
    places = [frozenset(roles) for count, roles in steps for _ in range(count)]
    best = 0
    for order in permutations(range(len(given_)), min(len(given_), len(places))):
        for chosen in permutations(range(len(places)), len(order)):
            best = max(best, sum(bool(given_[who] & places[where]) for who, where in zip(order, chosen, strict=True)))
        if len(places) > 4:
            break
    found = sum(counting.filled(asked, given_))
    assert found == best if len(places) <= 4 else found >= best
