"""Tilt series and volumes on disk."""

from mwgan.io.readers import Reader, open_stack, register_reader
from mwgan.io.stack import Stack
from mwgan.io.tilt_lists import read_tilts
from mwgan.io.tilt_series import TiltSeries, open_series
from mwgan.io.volumes import VolumeWriter

__all__ = ["Reader", "Stack", "TiltSeries", "VolumeWriter", "open_series", "open_stack", "read_tilts", "register_reader"]
