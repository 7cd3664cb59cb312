"""Specimens in three dimensions: defined by functions of position, so that any slice can be drawn at any resolution."""

from mwgan.data.specimens.source import KINDS, Specimens

__all__ = ["KINDS", "Specimens"]
