"""A look at a tilt series before anything is made of it: what it holds, what is corrected, what its user has to know."""

from mwgan.series.look.decide import Look, look
from mwgan.series.look.looked_at import LookedAt
from mwgan.series.look.recorded import look_files, write_look
from mwgan.series.look.seen import Seen
from mwgan.series.look.switches import Switches, as_background, as_offset

__all__ = ["Look", "LookedAt", "Seen", "Switches", "as_background", "as_offset", "look", "look_files", "write_look"]
