"""Checks a tilt series before it is used: what it contains, what is corrected, what the user has to know."""

from mwgan.series.look.decide import Look, look
from mwgan.series.look.findings import Findings
from mwgan.series.look.looked_at import LookedAt
from mwgan.series.look.recorded import look_files, write_look
from mwgan.series.look.switches import Switches, as_background, as_offset

__all__ = ["Findings", "Look", "LookedAt", "Switches", "as_background", "as_offset", "look", "look_files", "write_look"]
