"""All rows of the matrix for changes, in order."""

from tests.matrix.faults import WIRE_FAULTS
from tests.matrix.lasting import LASTING
from tests.matrix.processes import STROKES

FAULTS = sorted([*WIRE_FAULTS, *LASTING, *STROKES], key=lambda fault: int(fault.row[1:]))
