"""Synthetic three-dimensional specimens, defined by functions of position, so that any slice can be sampled at any resolution."""

from mwgan.data.specimens.source import KINDS, Specimens

__all__ = ["KINDS", "Specimens"]
