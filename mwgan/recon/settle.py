"""Methods that choose what they do: one choice for a whole series, made on a few of its slices."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

from mwgan.geometry import Measurement
from mwgan.recon.auto import Auto
from mwgan.recon.base import Reconstructor
from mwgan.recon.data_consistent import DataConsistent
from mwgan.recon.normalized import Normalized, scaled


def settle(reconstructor: Reconstructor, measurements: Sequence[Measurement]) -> Reconstructor:
    """The method with one choice for all slices, made on these; one that chooses nothing is returned as it is."""
    if chooses(reconstructor) is None:
        return reconstructor
    return changed(reconstructor, measurements, lambda inside, seen: inside.fixed(seen) if isinstance(inside, Auto) else inside)


def changed(
    reconstructor: Reconstructor,
    measurements: Sequence[Measurement],
    change: Callable[[Reconstructor, Sequence[Measurement]], Reconstructor],
) -> Reconstructor:
    """A copy of the method with what lies between its scaling of the data and its correction for them changed.

    ``change`` is called with it, and with the measurements as it sees them.
    """
    if not isinstance(reconstructor, Normalized | DataConsistent):
        return change(reconstructor, measurements)
    outer = copy.copy(reconstructor)
    if isinstance(reconstructor, Normalized):
        measurements = [scaled(one, reconstructor.scale(one)) for one in measurements]
    outer.reconstructor = changed(reconstructor.reconstructor, measurements, change)
    return outer


def chooses(reconstructor: Reconstructor) -> Auto | None:
    """What in a method chooses, if anything."""
    inside = unwrapped(reconstructor)
    return inside if isinstance(inside, Auto) else None


def unwrapped(reconstructor: Reconstructor) -> Reconstructor:
    """What a method does between its scaling of the data and its correction for them."""
    while isinstance(reconstructor, Normalized | DataConsistent):
        reconstructor = reconstructor.reconstructor
    return reconstructor
