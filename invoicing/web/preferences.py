"""How one person likes the desk: a page that works without a script, and the two switches that stand elsewhere."""

from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve
from django.utils import timezone, translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from invoicing.access.rights import roles_of
from invoicing.models import Preferences, preferences_of
from invoicing.web import formats, keys
from invoicing.web.context import address, shell_of
from invoicing.web.finding import asked_by_htmx
from invoicing.web.theme import remember

SIZES = (25, 50, 100, 200)


class PreferencesForm(forms.ModelForm):
    """Everything but the keys, each of which is a field of its own in the page's table."""

    language = forms.ChoiceField(label=gettext_lazy("Language, numbers and dates"), required=False)
    rows = forms.TypedChoiceField(label=gettext_lazy("Rows a page"), coerce=int, choices=[(n, n) for n in SIZES])
    start = forms.CharField(
        label=gettext_lazy("The desk opens with"),
        required=False,
        max_length=500,
        help_text=gettext_lazy("The address of any list or saved view of this desk. Empty is the home page."),
    )

    class Meta:
        model = Preferences
        fields = ("theme", "density", "rows", "language", "start", "single_keys")
        labels = {
            "theme": gettext_lazy("Theme"),
            "density": gettext_lazy("Rows of tables"),
            "single_keys": gettext_lazy("Use single keys, outside fields"),
        }

    def __init__(self, *args, host: str, **kwargs):
        super().__init__(*args, **kwargs)
        self.host = host
        self.fields["language"].choices = [("", _("As the browser asks")), *settings.LANGUAGES]

    def clean_start(self) -> str:
        given = self.cleaned_data["start"].strip()
        if not given:
            return ""
        if not url_has_allowed_host_and_scheme(given, allowed_hosts={self.host}) or "\\" in given:
            raise forms.ValidationError(_("This is no address of this desk."))
        parts = urlsplit(given)
        try:
            resolve(parts.path)
        except Resolver404:
            raise forms.ValidationError(_("This desk has no such page.")) from None
        return f"{parts.path}?{parts.query}" if parts.query else parts.path


@require_http_methods(["GET", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """My preferences. What is wrong is said at its field, and everything typed is kept."""
    mine = _mine(request)
    form = PreferencesForm(request.POST or None, instance=mine, host=request.get_host())
    typed, wrong_keys = mine.own_keys, {}
    if request.method == "POST":
        typed = {key: request.POST.get(f"key {key}", "") for key in keys.CHANGEABLE}
        chosen, wrong_keys = ({}, {}) if "keys_as_shipped" in request.POST else keys.own_keys(typed)
        if form.is_valid() and not wrong_keys:
            mine = form.save(commit=False)
            mine.own_keys = chosen
            mine.save()
            with translation.override(mine.language or translation.get_language_from_request(request)):
                messages.success(request, _("Your preferences are saved."))
            return remember(redirect("preferences"), mine.theme)
    context = {
        "form": form,
        "key_groups": [
            {"heading": heading, "keys": [_field(each, typed, wrong_keys) for each in found]}
            for heading, found in _groups(request)
        ],
        "wrong_keys": wrong_keys,
        "example": formats.money_text(formats.Decimal("1234567.5"), "EUR"),
        "now": timezone.now(),
        "views": address("views"),
    }
    return render(request, "preferences/page.html", context, status=422 if form.errors or wrong_keys else 200)


def _field(key: keys.Key, typed: dict, wrong: dict) -> dict:
    return {
        "shipped": key.press,
        "does": key.does,
        "fixed": key.fixed,
        "value": typed.get(key.press) or key.press,
        "wrong": wrong.get(key.press, ""),
    }


def _mine(request: HttpRequest) -> Preferences:
    mine = preferences_of(request.user)
    mine.user = request.user
    return mine


def _groups(request: HttpRequest):
    """The groups of keys, the places that exist among them."""
    places = shell_of(request).places
    found = [
        keys.Key(link["key"], link["label"], always=True) for place in places for link in place["links"] if link["key"]
    ]
    return (*keys.GROUPS, (_("Go to"), tuple(found)))


@require_GET
def key_list(request: HttpRequest) -> HttpResponse:
    """What each key does; the dialog of every page asks for the list alone."""
    own = preferences_of(request.user).own_keys
    groups = [
        {
            "heading": heading,
            "keys": [
                {"shipped": each.press, "press": own.get(each.press, each.press), "does": each.does, "key": each}
                for each in found
            ],
        }
        for heading, found in _groups(request)
    ]
    in_part = asked_by_htmx(request, "keys-list")
    return render(request, "preferences/_keys.html" if in_part else "preferences/keys.html", {"groups": groups})


@require_POST
def single_keys(request: HttpRequest) -> HttpResponse:
    """Switch single keys on or off, from the list of keys."""
    mine = _mine(request)
    mine.single_keys = request.POST.get("single_keys") == "on"
    mine.save()
    return redirect("keys")


@require_GET
def start(request: HttpRequest) -> HttpResponse:
    """Where one lands after signing in."""
    first = "queue" if roles_of(request.user) == {"reviewer"} else "home"  # whoever only reviews begins there
    return redirect(preferences_of(request.user).start or first)
