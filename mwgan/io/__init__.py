"""Tilt series and volumes on disk."""

from mwgan.io.tilt_series import TiltSeries, read_tilts
from mwgan.io.volume import VolumeWriter

__all__ = ["TiltSeries", "VolumeWriter", "read_tilts"]
