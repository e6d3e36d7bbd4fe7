"""The simulators that are served. A provider adds its own two lines."""

from .checkout_page.simulator import SIMULATORS as CHECKOUT_PAGE
from .cockroachdb.simulator import SIMULATORS as COCKROACHDB
from .core import Simulator
from .flexprice.simulator import SIMULATORS as FLEXPRICE
from .metronome.simulator import SIMULATORS as METRONOME
from .orb.simulator import SIMULATORS as ORB

SIMULATORS: list[type[Simulator]] = [
    *CHECKOUT_PAGE,
    *COCKROACHDB,
    *FLEXPRICE,
    *METRONOME,
    *ORB,
]
