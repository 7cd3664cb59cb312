"""Methods that choose their settings: one choice for a whole series, and its description in words and numbers."""

from __future__ import annotations

import math
from typing import Any

from mwgan.geometry import Measurement
from mwgan.recon import Reconstructor
from mwgan.recon.inner_method import auto_in, choose_for_series
from mwgan.recon.named import neighbours_in
from mwgan.series.measured import Series, measurement_of
from mwgan.series.slice_grid import SliceGrid

SLICES = 6  # spread over the series
SHARES, INSIDE, ERRORS = "shares", "networks_inside_the_wedge", "errors_on_kept_out_tilts"


def make_choice(reconstructor: Reconstructor, series: Series, grid: SliceGrid, device: str = "cpu") -> Reconstructor:
    """The method with its choice made on a few slices; one without a choice is returned unchanged."""
    if auto_in(reconstructor) is None:
        return reconstructor
    return choose_for_series(reconstructor, slices_spread(reconstructor, series, grid, device))


def slices_spread(reconstructor: Reconstructor, series: Series, grid: SliceGrid, device: str = "cpu") -> list[Measurement]:
    """A few slices spread over a series, as input for the method."""
    few = min(SLICES, series.slices)
    numbers = [int((place + 0.5) * series.slices / few) for place in range(few)]
    beside = neighbours_in(reconstructor)
    return [grid.placed(measurement_of(series, number, number + 1, device, beside)) for number in numbers]


def choice_of(reconstructor: Reconstructor) -> dict[str, Any] | None:
    """The choice of a settled method, as plain numbers; None for a method without a choice."""
    auto = auto_in(reconstructor)
    if auto is None or auto.choice is None:
        return None
    shares, inside, errors = (values[0].tolist() for values in auto.choice)
    return {
        SHARES: dict(zip(auto.names, shares, strict=True)),
        INSIDE: inside,
        ERRORS: dict(zip(auto.names, errors, strict=True)),
    }


def choice_sentence(reconstructor: Reconstructor) -> str | None:
    """The choice of a settled method as a sentence."""
    choice = choice_of(reconstructor)
    if choice is None:
        return None
    parts = ", ".join(f"{100 * share:.0f} % {name}" for name, share in choice[SHARES].items() if share)
    why = ", ".join(f"{name} {100 * error:.1f} %" for name, error in choice[ERRORS].items())
    none = any(map(math.isnan, choice[ERRORS].values()))
    kept_out = "too few tilts to keep any out" if none else f"errors on kept-out tilts: {why}"
    inside = f"{100 * choice[INSIDE]:.0f} % of the networks' in the missing wedge"
    return f"auto takes {parts} where tilts were measured and {inside}; {kept_out}"
