"""The rights there are, and the roles that carry them as shipped. The role editor may give a role others.

A new right is one line in RIGHTS and one in WORDS.
"""

from django.utils.translation import gettext_lazy as _

STAFF = frozenset({"operator", "reviewer", "controller"})
EVERYONE = STAFF | {"viewer", "auditor", "sync admin"}

RIGHTS: dict[str, frozenset[str]] = {
    "view": EVERYONE,
    "view_money": EVERYONE - {"sync admin"},
    "view_personal": STAFF | {"auditor"},
    "view_raw": STAFF | {"auditor", "sync admin"},
    "refresh": STAFF | {"sync admin"},
    "export": STAFF | {"auditor"},
    "comment": STAFF | {"viewer"},
    "claim": STAFF,
    "own_views": STAFF | {"viewer"},
    "share_view": STAFF,
    "tend_views": frozenset({"controller"}),
    "request": STAFF,
    "cancel": STAFF,
    "batch": STAFF,
    "approve": frozenset({"reviewer", "controller"}),
    "approve_above": frozenset({"controller"}),
    "delegate": frozenset({"reviewer", "controller"}),
    "publish_policy": frozenset({"controller"}),
    "review_rules": frozenset({"controller"}),
    "propose": frozenset({"operator", "reviewer"}),
    "settle": frozenset({"controller"}),
    "resolve": frozenset({"controller"}),
    "stop": STAFF | {"sync admin"},
    "lift": frozenset({"controller"}),
    "link_customers": STAFF,
    "sync": frozenset({"sync admin"}),
    "connect": frozenset({"sync admin"}),
    "audit": frozenset({"auditor", "controller"}),
    "evidence": frozenset({"auditor", "controller"}),
    "audit_access": frozenset({"auditor", "controller", "access admin"}),
    "people": frozenset({"access admin"}),
}
"""Right → the built-in roles that carry it as shipped."""

WORDS = {
    "view": _("See invoices, lines and documents"),
    "view_money": _("See amounts"),
    "view_personal": _("See e-mail addresses, phone numbers and postal addresses"),
    "view_raw": _("See what the provider sent, and its calls"),
    "refresh": _("Read a record again from its provider"),
    "export": _("Export lists"),
    "comment": _("Comment"),
    "claim": _("Claim a review"),
    "own_views": _("Keep views of one's own"),
    "share_view": _("Share views"),
    "tend_views": _("Change views others share, and choose what a role's lists open with"),
    "request": _("Ask for an action at a provider"),
    "cancel": _("Call back what was asked for"),
    "batch": _("Ask for many actions at once"),
    "approve": _("Approve and reject, up to the limit"),
    "approve_above": _("Approve above every limit"),
    "delegate": _("Let somebody approve in one's place"),
    "publish_policy": _("Publish approval policies"),
    "review_rules": _("Set review rules and checklists"),
    "propose": _("Propose how an unknown outcome ended"),
    "settle": _("Settle unknown outcomes"),
    "resolve": _("Close incidents and void invoices without replacement"),
    "stop": _("Stop actions at a provider"),
    "lift": _("Lift a stop"),
    "link_customers": _("Link customers over providers"),
    "sync": _("Sync and backfill"),
    "connect": _("Add and change connections"),
    "audit": _("Read the whole audit trail"),
    "evidence": _("Make evidence packs"),
    "audit_access": _("Read the audit trail of people and roles"),
    "people": _("Manage people, roles and scopes"),
}
"""What each right lets a person do, in words."""

KEPT_APART = (
    (frozenset({"people", "connect"}), frozenset({"approve", "approve_above", "publish_policy", "delegate"})),
)
"""Who has one of the first never has one of the second, whatever the roles say."""


def shipped_rights(role: str) -> frozenset[str]:
    """What a built-in role was shipped with; nothing for any other."""
    return frozenset(right for right, roles in RIGHTS.items() if role in roles)
