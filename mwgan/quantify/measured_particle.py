"""The measured values of one particle with their intervals, and its neighbours."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from mwgan.quantify.intervals import Interval, Reach, interval
from mwgan.quantify.labels import Labels, Place
from mwgan.quantify.particle import Numbers, Shape, Voxel, contact_areas, nearest_distances
from mwgan.quantify.spread import Spread


@dataclass(frozen=True)
class MeasuredParticle:
    """A particle.

    Parameters
    ----------
    place
        Its location.
    numbers, shape
        The measured values.
    intervals
        Of each value by its name; of ``equivalent_diameter``; after :func:`with_neighbours` of ``contact`` (nm²) and ``nearest`` (nm).
    spread
        Of the logarithm of each value, from which its interval is computed (:mod:`mwgan.quantify.spread`).
    chance
        Standard deviation of these logarithms by chance, from parts of the tilts and an uncertainty; 0 if neither is known.
    unseen
        Share of its surface in the missing wedge.
    safe
        Whether that is small, and the particle lies completely inside the volume.
    touches
        Labels of the particles that it touches.
    nearest_label
        Label of the particle with the nearest surface; 0 if there is no other.
    """

    place: Place
    numbers: Numbers
    shape: Shape
    intervals: dict[str, Interval]
    spread: Spread
    chance: Spread
    unseen: float
    safe: bool
    touches: tuple[int, ...] = ()
    nearest_label: int = 0


def with_intervals(
    place: Place,
    numbers: Numbers,
    shape: Shape,
    intervals: Mapping[str, Interval],
    spread: Spread,
    chance: Spread,
    unseen: float,
    safe: bool,
) -> MeasuredParticle:
    """A particle with all intervals that follow from its own values, limited to possible ones (sphericity up to 1)."""
    kept = dict(intervals)
    volume = kept["volume"]
    kept["equivalent_diameter"] = Interval(*((6 * one / math.pi) ** (1 / 3) for one in volume))
    kept["sphericity"] = kept["sphericity"]._replace(high=min(max(1.0, numbers.sphericity), kept["sphericity"].high))
    for name in ("elongation", "flatness"):
        kept[name] = kept[name]._replace(low=max(1.0, kept[name].low))
    return MeasuredParticle(place, numbers, shape, kept, spread, chance, unseen, safe)


def with_neighbours(particles: list[MeasuredParticle], labels: Labels, voxel_nm: Voxel, of_contacts: Reach) -> list[MeasuredParticle]:
    """The same particles, with the contacts of each and the distance to the nearest.

    A contact varies like the surface that it is part of, with quantiles ``of_contacts``; the uncertainty of a distance follows from
    those of the two particles' sizes.
    """
    distances = nearest_distances([one.shape for one in particles]) if len(particles) > 1 else [(math.inf, -1)]
    found = []
    for one, (distance, other) in zip(particles, distances, strict=True):
        contacts = contact_areas(one.shape, one.place, labels, voxel_nm)
        area = sum(contacts.values())
        kept = one.intervals | {"contact": interval(area, one.spread["surface"], of_contacts, one.chance["surface"])}
        if other >= 0:
            kept["nearest"] = _distance(0.0 if contacts else distance, one, particles[other])
        touches = tuple(sorted(contacts))
        label = 0 if other < 0 else particles[other].place.label
        found.append(replace(one, intervals=kept, touches=touches, nearest_label=label))
    return found


def _distance(distance: float, one: MeasuredParticle, other: MeasuredParticle) -> Interval:
    grows = sum((each.intervals["volume"].high - each.numbers.volume) / each.numbers.surface for each in (one, other))
    shrinks = sum((each.numbers.volume - each.intervals["volume"].low) / each.numbers.surface for each in (one, other))
    return Interval(distance, max(0.0, distance - grows), distance + shrinks)
