"""Writes volumes block by block, in the format of their suffix."""

from mwgan.io.volumes.formats import SUFFIXES, VolumeFormat, split_name, volume_format
from mwgan.io.volumes.writer import VolumeWriter

__all__ = ["SUFFIXES", "VolumeFormat", "VolumeWriter", "split_name", "volume_format"]
