"""Tilt series: alignment, reconstruction, reliability of the result, and simulation with a known truth."""

from mwgan.series.align import align_series
from mwgan.series.reconstruct import reconstruct_series

__all__ = ["align_series", "reconstruct_series"]
