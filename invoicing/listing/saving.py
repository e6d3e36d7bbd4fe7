"""Saved views: what keeps, changes, shares and drops them. Page and command come through here."""

from dataclasses import dataclass, field

from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Q
from django.http import QueryDict
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from invoicing.access import rights
from invoicing.listing.columns import UnknownColumns, columns_named
from invoicing.listing.filters import InvoiceFilters
from invoicing.models import AuditEntry, DefaultView, SavedView, User
from invoicing.models.saved_view import ordered_query
from invoicing.vocabulary import Direction

PASSING = ("after", "before", "exact", "jump", "view")
"""What stands in a list's address and is no part of a view."""
Sharing = SavedView.Sharing


class ViewRefused(ValueError):
    """It cannot be kept like that; the message says why, `field` where."""

    def __init__(self, field: str, message: str):
        self.field = field
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants a view to be."""

    name: str
    shared_with: str = Sharing.PRIVATE
    role: str = ""


@dataclass(slots=True)
class Shelf:
    """The views of one list that a person sees, and the one it opens with."""

    user: User
    direction: Direction
    views: list[SavedView] = field(default_factory=list)
    default: SavedView | None = None
    own_default: bool = False

    def named(self, slug: str) -> SavedView | None:
        return next((view for view in self.views if view.slug == slug), None)

    def may_change(self, view: SavedView) -> bool:
        return view.owner_id == self.user.pk or (
            view.shared_with != Sharing.PRIVATE and rights.can(self.user, "tend_views")
        )


def shelf(user: User, direction: Direction) -> Shelf:
    """Everything a person may open; two queries, whatever there is."""
    roles = sorted(rights.roles_of(user))
    seen = SavedView.objects.seen_by(user, roles).filter(direction=direction).select_related("owner")
    found = Shelf(user, direction, list(seen))
    if found.views:
        chosen = DefaultView.objects.filter(Q(user=user) | Q(role__in=roles), direction=direction)
        for default in sorted(chosen, key=lambda each: (each.user_id is None, each.role)):
            if view := next((each for each in found.views if each.pk == default.view_id), None):
                found.default, found.own_default = view, default.user_id is not None
                break
    return found


@transaction.atomic
def keep(user: User, direction: Direction, query: QueryDict, wish: Wish) -> SavedView:
    """A new view of the person's own. Errors: NotAllowed; ViewRefused."""
    rights.require(user, "own_views")
    view = SavedView(owner=user, direction=direction, query=checked_query(query, direction))
    _wished(user, view, wish)
    view.slug = _free_slug(view.name)
    view.save()
    _record("view.keep", user, view)
    return view


@transaction.atomic
def change(user: User, view: SavedView, wish: Wish) -> None:
    """Another name, other readers. Errors: NotAllowed; ViewRefused."""
    _require_change(user, view)
    before = {"name": view.name, "shared_with": view.shared_with, "role": view.role}
    _wished(user, view, wish)
    view.save()
    if view.shared_with == Sharing.PRIVATE:  # nobody else can open with it any more
        view.defaults.exclude(user=view.owner).delete()
    _record("view.change", user, view, before=before)


@transaction.atomic
def overwrite(user: User, view: SavedView, query: QueryDict) -> None:
    """The view as the list is now. Errors: NotAllowed; ViewRefused."""
    _require_change(user, view)
    before, view.query = view.query, checked_query(query, Direction(view.direction))
    view.save()
    _record("view.overwrite", user, view, before={"query": before})


@transaction.atomic
def drop(user: User, view: SavedView) -> None:
    """Errors: NotAllowed."""
    _require_change(user, view)
    _record("view.drop", user, view)
    view.delete()


@transaction.atomic
def open_with(user: User, view: SavedView | None, direction: Direction, *, role: str = "") -> None:
    """Let the list open with a view, for the person or for everybody of a role; None lets it open plainly again.

    Errors: NotAllowed; ViewRefused, where those of the role do not see the view.
    """
    rights.require(user, "tend_views" if role else "own_views")
    if role and not Group.objects.filter(name=role).exists():
        raise ViewRefused("role", _("There is no such role."))
    if role and view and not _seen_by_role(view, role):
        raise ViewRefused("role", _("Share the view with everyone, or with that role, first."))
    whose = {"role": role} if role else {"user": user}
    DefaultView.objects.filter(direction=direction, **whose).delete()
    if view is not None:
        DefaultView.objects.create(view=view, direction=direction, **whose)
    AuditEntry.objects.record(
        "view.default", actor=user, target=f"view:{view.pk}" if view else "", direction=direction, role=role
    )


def used(view: SavedView) -> None:
    """Remember that somebody opened it, to the hour."""
    now = timezone.now()
    if view.used_at is None or (now - view.used_at).total_seconds() > 3600:
        SavedView.objects.filter(pk=view.pk).update(used_at=now)


def checked_query(query: QueryDict, direction: Direction) -> str:
    """What of an address a view keeps. Errors: ViewRefused, naming a filter or column that a list does not have."""
    unknown = [name for name in query if name not in InvoiceFilters.base_fields and name not in PASSING]
    if unknown:
        raise ViewRefused("query", _("No such filter: %(names)s.") % {"names": ", ".join(unknown)})
    try:
        columns_named(query.get("columns", ""), direction)
    except UnknownColumns as error:
        raise ViewRefused("query", str(error)) from error
    return ordered_query(query, without=PASSING)


def _require_change(user: User, view: SavedView) -> None:
    if view.owner_id == user.pk:
        rights.require(user, "own_views")
    elif view.shared_with == Sharing.PRIVATE:
        raise rights.NotAllowed(_("This view is somebody else's."))
    else:
        rights.require(user, "tend_views")


def _wished(user: User, view: SavedView, wish: Wish) -> None:
    name = " ".join(wish.name.split())
    if not name:
        raise ViewRefused("name", _("Give the view a name."))
    if len(name) > 80:
        raise ViewRefused("name", _("The name is longer than 80 characters."))
    if wish.shared_with not in Sharing.values:
        raise ViewRefused("shared_with", _("Choose who sees the view."))
    if wish.shared_with == Sharing.ROLE and not Group.objects.filter(name=wish.role).exists():
        raise ViewRefused("role", _("Choose the role that sees the view."))
    if wish.shared_with != Sharing.PRIVATE and (wish.shared_with, wish.role) != (view.shared_with, view.role):
        rights.require(user, "share_view")
    same = SavedView.objects.filter(owner=view.owner, direction=view.direction, name__iexact=name)
    if same.exclude(pk=view.pk).exists():
        raise ViewRefused("name", _("You have a view of that name."))
    view.name, view.shared_with = name, wish.shared_with
    view.role = wish.role if wish.shared_with == Sharing.ROLE else ""


def _seen_by_role(view: SavedView, role: str) -> bool:
    return view.shared_with == Sharing.EVERYONE or (view.shared_with == Sharing.ROLE and view.role == role)


def _free_slug(name: str) -> str:
    """A name for the address that nobody has: "month-end", "month-end-2"."""
    base = slugify(name)[:70] or "view"
    taken = set(SavedView.objects.filter(slug__startswith=base).values_list("slug", flat=True)) | {"all"}
    return next(slug for slug in (base, *(f"{base}-{n}" for n in range(2, len(taken) + 3))) if slug not in taken)


def _record(action: str, user: User, view: SavedView, **facts) -> None:
    after = {"name": view.name, "shared_with": view.shared_with, "role": view.role, "query": view.query}
    AuditEntry.objects.record(action, actor=user, target=f"view:{view.pk}", after=after, **facts)
