"""What is done with a tilt series: align it, reconstruct it, say how far to trust the result, simulate one whose truth is known."""

from mwgan.series.align import align_series
from mwgan.series.reconstruct import reconstruct_series

__all__ = ["align_series", "reconstruct_series"]
