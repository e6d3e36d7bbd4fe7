"""Saved views: the menu beside the tabs, the page that keeps them, and the addresses that open them."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from django import forms
from django.contrib import messages
from django.contrib.auth.models import Group
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from invoicing.access import rights
from invoicing.listing import saving
from invoicing.listing.filters import NOT
from invoicing.listing.saving import PASSING, Shelf, ViewRefused, Wish
from invoicing.models import DefaultView, SavedView
from invoicing.models.saved_view import ordered_query
from invoicing.vocabulary import Direction
from invoicing.web.links import EVERYTHING, MARKS, Here

LISTS = {Direction.RECEIVABLE: "receivables", Direction.PAYABLE: "payables"}
STARTERS = {
    Direction.RECEIVABLE: (
        (gettext_lazy("Overdue, longest first"), "order=asc&overdue=on&sort=due"),
        (gettext_lazy("Open by customer"), "group=customer&payment__not=paid&status=finalized"),
        (gettext_lazy("Voided, with their replacements"),
         "columns=number%2Ccustomer%2Cprovider%2Cvoided%2Ctotal%2Creplaced_by&status=void"),
    ),
    Direction.PAYABLE: (
        (gettext_lazy("By month"), "group=month"),
        (gettext_lazy("Drafts: what is coming"), "status=draft"),
        (gettext_lazy("Finalized, with the day"), "columns=number%2Ccustomer%2Cperiod%2Cfinalized%2Ctotal%2Cfurther&status=finalized"),
    ),
}  # fmt: skip
"""Three views to begin with for each list: name, filters."""


@dataclass(frozen=True, slots=True)
class Link:
    view: SavedView
    url: str
    here: bool
    opens: bool  # the list opens with it


@dataclass(frozen=True, slots=True)
class ViewsMenu:
    """What the list says of its views."""

    sections: list[tuple[str, list[Link]]]
    current: SavedView | None = None
    gone: bool = False  # the address names one that is not there, or not for this person
    changed: bool = False
    may_save: bool = False
    query: str = ""
    discard: str = ""
    save_as: str = ""
    everything: str = ""  # the list without any view, where it would open with one
    all_views: str = ""


def shelf(user, direction: Direction) -> Shelf:
    return saving.shelf(user, direction)


def leads_to(request: HttpRequest, views: Shelf) -> str:
    """The whole address, where the one asked for only names a view, or nothing and the list opens with one."""
    asked = {name for name, values in request.GET.lists() if any(values)}
    if not asked and views.default:
        return opened(views.default)
    view = views.named(request.GET.get("view", "")) if asked == {"view"} else None
    return opened(view) if view and view.query else ""


def opened(view: SavedView) -> str:
    """The address that shows a view: its filters, and its name."""
    query = f"{view.query}&" if view.query else ""
    return f"{reverse(LISTS[Direction(view.direction)])}?{query}{urlencode({'view': view.slug})}"


def menu(request: HttpRequest, views: Shelf, here: Here, *, sound: bool) -> ViewsMenu:
    """`sound`: what is listed was understood, so that it may be kept."""
    slug = request.GET.get("view", "")
    current = views.named(slug)
    query = ordered_query(request.GET, without=(*PASSING, *MARKS))
    changed = current is not None and query != current.query
    if current and not changed:
        saving.used(current)
    keeps = sound and rights.can(request.user, "own_views")
    start = {"direction": views.direction.value, "query": query}
    return ViewsMenu(
        sections=_sections(views, lambda view: view == current),
        current=current,
        gone=bool(slug) and slug != EVERYTHING and current is None,
        changed=changed,
        may_save=changed and keeps and views.may_change(current),
        query=query,
        discard=opened(current) if changed else "",
        save_as=f"{reverse('view_new')}?{urlencode(start)}" if keeps and (changed or not current) else "",
        everything=here.only() if here.opens_view else "",
        all_views=f"{reverse('views')}?{urlencode({'direction': views.direction.value})}",
    )


def _sections(views: Shelf, is_here) -> list[tuple[str, list[Link]]]:
    """Mine, my roles', everyone's; those without a view are left out."""
    mine, roles, everyone = [], [], []
    for view in views.views:
        if view.owner_id == views.user.pk:
            section = mine
        else:
            section = roles if view.shared_with == SavedView.Sharing.ROLE else everyone
        section.append(Link(view, opened(view), is_here(view), view == views.default))
    named = ((_("Mine"), mine), (_("My role's"), roles), (_("Everyone's"), everyone))
    return [(label, links) for label, links in named if links]


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Every view of one list that a person sees, and three to begin with."""
    rights.require(request.user, "view")
    direction = _direction(request.GET.get("direction", ""))
    views = saving.shelf(request.user, direction)
    starters = [
        {
            "name": name,
            "said": said(query),
            "url": f"{reverse(LISTS[direction])}?{query}",
            "keep": f"{reverse('view_new')}?{urlencode({'direction': direction.value, 'query': query, 'name': name})}",
        }
        for name, query in STARTERS[direction]
    ]
    context = {
        "direction": direction,
        "sections": [
            (
                label,
                [{"link": each, "said": said(each.view.query), "may": views.may_change(each.view)} for each in links],
            )
            for label, links in _sections(views, lambda view: False)
        ],
        "starters": starters,
        "default": views.default,
        "own_default": views.own_default,
        "may_keep": rights.can(request.user, "own_views"),
        "may_tend": rights.can(request.user, "tend_views"),
        "new": f"{reverse('view_new')}?{urlencode({'direction': direction.value})}",
        "sides": [(each.label, f"{reverse('views')}?direction={each.value}", each == direction) for each in Direction],
    }
    return render(request, "views/page.html", context)


class ViewForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    shared_with = forms.ChoiceField(label=gettext_lazy("Who sees it"), choices=SavedView.Sharing.choices)
    role = forms.ChoiceField(label=gettext_lazy("Which role"), required=False)
    query = forms.CharField(
        label=gettext_lazy("What it lists"),
        required=False,
        max_length=8000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off"}),
        help_text=gettext_lazy(
            "Filters, columns and order as they stand in a list's address. A whole address may be pasted."
        ),
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, label_suffix="", **kwargs)
        self.fields["role"].choices = [("", "—"), *((each.name, each.name) for each in Group.objects.order_by("name"))]

    def wish(self) -> Wish:
        given = self.cleaned_data
        return Wish(given["name"], given["shared_with"], given["role"])

    def asked(self) -> QueryDict:
        """The filters, whether they were typed alone or with the address around them."""
        text = self.cleaned_data["query"].strip()
        return QueryDict(urlsplit(text).query if "?" in text else text)


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Keep a list under a name."""
    rights.require(request.user, "own_views")
    direction = _direction(request.POST.get("direction") or request.GET.get("direction", ""))
    start = {name: request.GET.get(name, "") for name in ("name", "query")} | {"shared_with": "private"}
    form = ViewForm(request.POST or None, initial=start)
    if request.method == "POST" and form.is_valid():
        try:
            view = saving.keep(request.user, direction, form.asked(), form.wish())
        except (ViewRefused, rights.NotAllowed) as error:
            form.add_error(getattr(error, "field", None), str(error))
        else:
            messages.success(request, _("The view “%(name)s” is kept.") % {"name": view.name})
            return redirect(opened(view))
    return _form(request, form, direction, None)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, slug: str) -> HttpResponse:
    """Rename a view, choose who sees it, or drop it."""
    view = _view(request, slug)
    direction = Direction(view.direction)
    start = {"name": view.name, "shared_with": view.shared_with, "role": view.role, "query": view.query}
    form = ViewForm(request.POST or None, initial=start)
    if request.method == "POST" and form.is_valid():
        try:
            saving.change(request.user, view, form.wish())
            if ordered_query(form.asked(), without=PASSING) != view.query:
                saving.overwrite(request.user, view, form.asked())
        except (ViewRefused, rights.NotAllowed) as error:
            form.add_error(getattr(error, "field", None), str(error))
        else:
            messages.success(request, _("The view “%(name)s” is changed.") % {"name": view.name})
            return redirect(_page_of(view))
    return _form(request, form, direction, view)


@require_POST
def save(request: HttpRequest, slug: str) -> HttpResponse:
    """The view as the list was when this was pressed."""
    view = _view(request, slug)
    try:
        saving.overwrite(request.user, view, QueryDict(request.POST.get("query", "")))
    except ViewRefused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The view “%(name)s” is saved as the list is now.") % {"name": view.name})
    return redirect(opened(view))


@require_POST
def drop(request: HttpRequest, slug: str) -> HttpResponse:
    view = _view(request, slug)
    back = _page_of(view)
    saving.drop(request.user, view)
    messages.success(request, _("The view “%(name)s” is deleted.") % {"name": view.name})
    return redirect(back)


@require_POST
def default(request: HttpRequest, slug: str) -> HttpResponse:
    """Open the list with this view, or with none: for oneself or for a role."""
    view, role = _view(request, slug), request.POST.get("role", "")
    chosen = None if "plain" in request.POST else view
    try:
        saving.open_with(request.user, chosen, Direction(view.direction), role=role)
    except ViewRefused as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request,
            _("The list opens with “%(name)s”.") % {"name": view.name} if chosen else _("The list opens plainly."),
        )
    return redirect(_page_of(view))


def said(query: str) -> str:
    """Filters in words a person can check: "overdue · status: void · sort: due, asc"."""
    given = dict.fromkeys(name for name, _value in parse_qsl(query))
    values = {
        name: ", ".join(v for n, v in parse_qsl(query) if n == name).replace(",", ", ").replace(",  ", ", ")
        for name in given
    }
    if order := values.pop("order", ""):
        values["sort"] = ", ".join(filter(None, [values.get("sort"), order]))
    words = {name: name.replace(NOT, " not").replace("_", " ") for name in values}
    return " · ".join(words[name] if value == "on" else f"{words[name]}: {value}" for name, value in values.items())


def _form(request: HttpRequest, form: ViewForm, direction: Direction, view: SavedView | None) -> HttpResponse:
    context = {"form": form, "direction": direction, "view": view, "may_tend": rights.can(request.user, "tend_views")}
    if view is not None:
        context |= {
            "opens_mine": DefaultView.objects.filter(view=view, user=request.user).exists(),
            "roles": [each.name for each in Group.objects.order_by("name")],
            "opens_roles": list(DefaultView.objects.filter(view=view).exclude(role="").values_list("role", flat=True)),
            "may_change": saving.shelf(request.user, direction).may_change(view),
            "url": opened(view),
        }
    return render(request, "views/form.html", context, status=422 if form.errors else 200)


def _view(request: HttpRequest, slug: str) -> SavedView:
    """Errors: Http404, also when this person may not see it."""
    rights.require(request.user, "view")
    seen = SavedView.objects.seen_by(request.user, sorted(rights.roles_of(request.user)))
    view = seen.filter(slug=slug).select_related("owner").first()
    if view is None:
        raise Http404
    return view


def _page_of(view: SavedView) -> str:
    return f"{reverse('views')}?{urlencode({'direction': view.direction})}"


def _direction(text: str) -> Direction:
    return Direction(text) if text in Direction.values else Direction.RECEIVABLE
