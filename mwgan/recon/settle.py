"""Methods that choose what they do: one choice for a whole series, made on a few of its slices."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from mwgan.geometry import Measurement
from mwgan.recon.auto import Auto
from mwgan.recon.base import Reconstructor
from mwgan.recon.data_consistent import DataConsistent
from mwgan.recon.normalized import Normalized, scaled


def settle(reconstructor: Reconstructor, measurements: Sequence[Measurement]) -> Reconstructor:
    """The method with one choice for all slices, made on these; one that chooses nothing is returned as it is."""
    if isinstance(reconstructor, Auto):
        return reconstructor.fixed(measurements)
    if isinstance(reconstructor, Normalized):
        return _around(reconstructor, [scaled(one, reconstructor.scale(one)) for one in measurements] if chooses(reconstructor) else [])
    if isinstance(reconstructor, DataConsistent):
        return _around(reconstructor, measurements)
    return reconstructor


def chooses(reconstructor: Reconstructor) -> Auto | None:
    """What in a method chooses, if anything."""
    inside = unwrapped(reconstructor)
    return inside if isinstance(inside, Auto) else None


def unwrapped(reconstructor: Reconstructor) -> Reconstructor:
    """What a method does between its scaling of the data and its correction for them."""
    while isinstance(reconstructor, Normalized | DataConsistent):
        reconstructor = reconstructor.reconstructor
    return reconstructor


def _around(reconstructor: Normalized | DataConsistent, measurements: Sequence[Measurement]) -> Reconstructor:
    outer = copy.copy(reconstructor)
    outer.reconstructor = settle(reconstructor.reconstructor, measurements)
    return outer
