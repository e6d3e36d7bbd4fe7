"""Where a provider's own screens are, for whoever wants to look there."""

from urllib.parse import urlsplit

from invoicing.models import Connection

HOMES = {  # provider: hosts of its API, and the address its people sign in at
    "metronome": ("metronome.com", "https://app.metronome.com/"),
    "flexprice": ("flexprice.io", "https://admin.flexprice.io/"),
    "orb": ("withorb.com", "https://app.withorb.com/"),
    "cockroachdb": ("cockroachlabs.cloud", "https://cockroachlabs.cloud/billing/overview"),
    "checkout_page": ("checkoutpage.com", "https://app.checkoutpage.com/"),
}


def home_of(connection: Connection) -> str:
    """Empty where the connection leads elsewhere: a simulation, or a server of one's own."""
    hosts, address = HOMES.get(connection.provider, ("", ""))
    host = urlsplit(connection.base_url).hostname or ""
    return address if hosts and (host == hosts or host.endswith(f".{hosts}")) else ""
