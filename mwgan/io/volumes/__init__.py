"""Volumes written block by block, in the format that their name ends in."""

from mwgan.io.volumes.formats import SUFFIXES, VolumeFormat, split_name, volume_format
from mwgan.io.volumes.writer import VolumeWriter

__all__ = ["SUFFIXES", "VolumeFormat", "VolumeWriter", "split_name", "volume_format"]
