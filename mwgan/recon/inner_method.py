"""The method inside a scaling (:class:`Normalized`) and a correction (:class:`DataConsistent`), and its choice for a whole series."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

from mwgan.geometry import Measurement
from mwgan.recon.auto import Auto
from mwgan.recon.base import Reconstructor
from mwgan.recon.data_consistent import DataConsistent
from mwgan.recon.normalized import Normalized, rescale


def choose_for_series(reconstructor: Reconstructor, measurements: Sequence[Measurement]) -> Reconstructor:
    """A copy of the method with one choice for all slices, made on these; a method without a choice is returned unchanged."""
    if auto_in(reconstructor) is None:
        return reconstructor

    def choose(inside: Reconstructor, seen: Sequence[Measurement]) -> Reconstructor:
        return inside.with_one_choice(seen) if isinstance(inside, Auto) else inside

    return change_inner_method(reconstructor, measurements, choose)


def change_inner_method(
    reconstructor: Reconstructor,
    measurements: Sequence[Measurement],
    change: Callable[[Reconstructor, Sequence[Measurement]], Reconstructor],
) -> Reconstructor:
    """A copy of the method in which ``change`` has replaced the inner method.

    ``change`` is called with the inner method, and the measurements scaled as it sees them.
    """
    if not isinstance(reconstructor, Normalized | DataConsistent):
        return change(reconstructor, measurements)
    outer = copy.copy(reconstructor)
    if isinstance(reconstructor, Normalized):
        measurements = [rescale(one, reconstructor.scale(one)) for one in measurements]
    outer.reconstructor = change_inner_method(reconstructor.reconstructor, measurements, change)
    return outer


def auto_in(reconstructor: Reconstructor) -> Auto | None:
    """The :class:`Auto` that a method is, inside; None if it is another method."""
    inside = inner_method(reconstructor)
    return inside if isinstance(inside, Auto) else None


def inner_method(reconstructor: Reconstructor) -> Reconstructor:
    """The method without its scaling and its correction."""
    while isinstance(reconstructor, Normalized | DataConsistent):
        reconstructor = reconstructor.reconstructor
    return reconstructor
