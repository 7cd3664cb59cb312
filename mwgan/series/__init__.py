"""What is done with a tilt series: reconstruct it, say how far to trust the result, simulate one whose truth is known."""

from mwgan.series.reconstruct import reconstruct_series

__all__ = ["reconstruct_series"]
