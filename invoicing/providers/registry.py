"""The providers, in the order they are shown. A sixth one is one folder and one line here."""

from invoicing.providers.base import Provider
from invoicing.providers.checkout_page.adapter import CheckoutPage
from invoicing.providers.cockroachdb.adapter import CockroachDB
from invoicing.providers.flexprice.adapter import FlexPrice
from invoicing.providers.metronome.adapter import Metronome
from invoicing.providers.orb.adapter import Orb

PROVIDERS: dict[str, Provider] = {
    provider.key: provider for provider in (Metronome(), FlexPrice(), Orb(), CockroachDB(), CheckoutPage())
}
