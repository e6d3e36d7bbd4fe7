"""What an access admin fills in."""

from decimal import Decimal

from django import forms
from django.utils.translation import gettext_lazy as _

from invoicing.access.roles import all_roles
from invoicing.access.scopes import Reach
from invoicing.access.shipped import RIGHTS, WORDS
from invoicing.models import Connection
from invoicing.money import exact_text, parse_amount
from invoicing.vocabulary import Direction

MOST_UNITS = 20


class Reason(forms.Form):
    """Every change says why."""

    reason = forms.CharField(label=_("Reason"), max_length=500, help_text=_("Stays in the audit trail."))


class RolesForm(Reason):
    roles = forms.MultipleChoiceField(required=False, label=_("Roles"), widget=forms.CheckboxSelectMultiple)
    field_order = ("roles", "reason")

    def __init__(self, *given, **named):
        super().__init__(*given, **named)
        self.fields["roles"].choices = [
            (role.name, f"{role.name.capitalize()}: {role.purpose}") for role in all_roles()
        ]


class PersonForm(RolesForm):
    email = forms.EmailField(label=_("E-mail"), max_length=150)
    name = forms.CharField(required=False, label=_("Name"), max_length=200)
    field_order = ("email", "name", "roles", "reason")


class LimitsField(forms.CharField):
    """One limit a line: a unit, then the highest amount."""

    widget = forms.Textarea(attrs={"rows": 2, "spellcheck": "false"})

    def to_python(self, value):
        limits: dict[str, Decimal] = {}
        for line in (super().to_python(value) or "").splitlines():
            if not line.strip():
                continue
            unit, _space, figure = line.strip().partition(" ")
            try:
                limits[unit] = abs(parse_amount(figure))
            except (ValueError, ArithmeticError):
                raise forms.ValidationError(
                    _("“%(line)s” is not a unit and an amount, like USD 10000."), params={"line": line.strip()}
                ) from None
        if len(limits) > MOST_UNITS:
            raise forms.ValidationError(_("These are too many units."))
        return limits


class ScopeForm(Reason):
    which = forms.ChoiceField(
        label=_("Connections"),
        choices=[("all", _("All, also those added later")), ("some", _("Only these:"))],
        widget=forms.RadioSelect,
    )
    connections = forms.MultipleChoiceField(
        required=False, label=_("Chosen connections"), widget=forms.CheckboxSelectMultiple
    )
    direction = forms.ChoiceField(
        required=False,
        label=_("Direction"),
        choices=[
            ("", _("Receivables and payables")),
            (Direction.RECEIVABLE.value, _("Receivables only")),
            (Direction.PAYABLE.value, _("Payables only")),
        ],
    )
    request_limits = LimitsField(
        required=False,
        label=_("Asks for actions up to"),
        help_text=_("One a line: USD 10000. Empty is any amount; other units are then not allowed."),
    )
    approve_limits = LimitsField(
        required=False, label=_("Approves up to"), help_text=_("The same. Who may approve above limits has none.")
    )
    field_order = ("which", "connections", "direction", "request_limits", "approve_limits", "reason")

    def __init__(self, *given, **named):
        super().__init__(*given, **named)
        self.fields["connections"].choices = list(Connection.objects.values_list("pk", "name"))

    @staticmethod
    def initial_of(reach: Reach) -> dict:
        return {
            "which": "all" if reach.connections is None else "some",
            "connections": sorted(reach.connections or ()),
            "direction": next(iter(reach.directions), "") if reach.directions else "",
            "request_limits": lines_of(reach, "request"),
            "approve_limits": lines_of(reach, "approve"),
        }

    def reach(self) -> Reach:
        given = self.cleaned_data
        limits = {"request": given["request_limits"], "approve": given["approve_limits"]}
        return Reach(
            frozenset(map(int, given["connections"])) if given["which"] == "some" else None,
            frozenset({given["direction"]}) if given["direction"] else None,
            {name: units for name, units in limits.items() if units},
        )


def lines_of(reach: Reach, limit: str) -> str:
    return "\n".join(f"{unit} {exact_text(figure)}" for unit, figure in sorted(reach.limits.get(limit, {}).items()))


class RightsForm(Reason):
    purpose = forms.CharField(required=False, label=_("What it is for"), max_length=200)
    rights = forms.MultipleChoiceField(
        required=False,
        label=_("Carries"),
        choices=[(right, WORDS[right]) for right in RIGHTS],
        widget=forms.CheckboxSelectMultiple,
    )
    field_order = ("purpose", "rights", "reason")


class NewRoleForm(Reason):
    name = forms.CharField(label=_("Name"), max_length=60)
    purpose = forms.CharField(required=False, label=_("What it is for"), max_length=200)
    field_order = ("name", "purpose", "reason")
