import re

from django import forms

from invoicing.operations.arguments import Arguments
from invoicing.operations.verb import Call, Consequence, Effect, Verb
from invoicing.vocabulary import CallClass

GROUPING = re.compile(r"source|feature_id|properties\.[A-Za-z0-9_.-]{1,80}")
MOST = 5


class Grouping(Arguments):
    group_by = forms.CharField(
        max_length=400,
        initial="source",
        label="Broken down by",
        help_text="source, feature_id or properties.NAME of the events; several with commas between.",
    )

    def clean_group_by(self):
        names = [name.strip() for name in self.cleaned_data["group_by"].split(",") if name.strip()]
        for name in names:
            if not GROUPING.fullmatch(name):
                raise forms.ValidationError(f"“{name[:60]}” is none of source, feature_id, properties.NAME.")
        if len(names) > MOST:
            raise forms.ValidationError(f"At most {MOST} at once.")
        return ", ".join(dict.fromkeys(names))


class UsageBreakdown(Verb):
    """What an invoice's usage is made of. FlexPrice puts metered quantities in its answer, so it never enters the mirror."""

    key = "usage_breakdown"
    name = "Usage breakdown"
    done = "looked at"
    summary = (
        "Shows what the usage lines are made of: by source, feature or a property of the events. Nothing is stored."
    )
    right = "refresh"
    reads_only = True
    destructive = False
    form = Grouping
    calls = {"flexprice": Call(endpoint="usage_breakdown", call_class=CallClass.READING)}

    def consequences(self, invoice, snapshot=None):
        yield Consequence(effect=Effect.NOT, text="Neither the invoice nor our copy of it changes.")
