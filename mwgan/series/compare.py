"""One slice of a tilt series by several methods and tilt ranges, side by side: ``mwgan compare``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from mwgan.errors import InputError
from mwgan.files.atomic import AtomicFiles
from mwgan.geometry import Measurement
from mwgan.io import TiltSeries
from mwgan.recon import Reconstructor
from mwgan.recon.held_out import leave_out, select_held_out
from mwgan.recon.named import check_device, find_method, make_method, neighbours_in
from mwgan.recon.settings import settings_by_method
from mwgan.results.columns import CORRECTED
from mwgan.series.measured import measurement_of, relative, report_wedge, squared_misfit
from mwgan.trust import energy, missed_on


def compare_slice(
    ranges: Mapping[str, TiltSeries],
    makers: Mapping[str, Callable[[], Reconstructor]],
    slice_index: int,
    output: Path,
    device: str = "cpu",
    report: Callable[[str], None] = lambda sentence: None,
    corrected: bool = False,
    hold_out: int | None = None,
) -> list[dict[str, Any]]:
    """Reconstruct one slice by every method and tilt range; write a picture and a csv of metrics.

    Parameters
    ----------
    ranges
        The series, cut to each range of tilts, by the range's name.
    makers
        Constructor of each method, by its name in the picture.
    slice_index
        Which slice, counted from 0.
    output
        The picture, PNG; the metrics are written next to it as csv.
    device
        Where to reconstruct, as a torch device name.
    report
        Called with one sentence for each method that can't be made or can't take the series; the others are shown.
    corrected
        Whether the methods are corrected for data consistency, which is then part of their names.
    hold_out
        Keep every n-th measured tilt out of the reconstructions and report how well it is predicted; None: keep none out.

    Returns
    -------
    rows
        ``tilts``, ``method``, ``slice``, ``width_over_height`` (NaN where the slice is empty) and ``residual`` of each slice, on
        the tilts that it is made from; with ``hold_out`` also ``held_out``, the residual on the kept-out tilts, and ``noise``,
        the share of it expected from noise alone.

    Raises
    ------
    InputError
        If the series has no such slice or too few tilts to keep any out, or no method is left.
    """
    import pandas as pd

    from mwgan.figures import slice_panel
    from mwgan.figures.parts.style import label

    for series in ranges.values():
        if slice_index >= series.slices:
            raise InputError(f"there is no slice {slice_index}: the series has {series.slices}, counted from 0")
    whole = {tilts: _slice(series, slice_index, device) for tilts, series in ranges.items()}
    kept_out = {} if hold_out is None else {tilts: _kept_out(one, hold_out) for tilts, one in whole.items()}

    def given(beside: int) -> dict[str, Measurement]:
        """The measurements for a method that uses so many neighbouring slices."""
        more = whole if not beside else {tilts: _slice(series, slice_index, device, beside) for tilts, series in ranges.items()}
        return {tilts: leave_out(one, kept_out[tilts]) if kept_out else one for tilts, one in more.items()}

    measurements = given(0)
    shown: dict[str, str] = {}
    slices: dict[tuple[str, str], Any] = {}
    rows: list[dict[str, Any]] = []
    refused = "none was requested"
    for name, make in makers.items():
        try:
            made = make()
            tomograms = _reconstructed(made, given(neighbours_in(made)))
        except InputError as error:
            refused = f"skipping {name}: {error}"
            report(refused)
            continue
        shown_as = name + CORRECTED if corrected else name
        shown[shown_as] = label(name, corrected)
        for tilts, tomogram in tomograms.items():
            slices[tilts, shown_as] = tomogram[0, 0].cpu().numpy()
            row = {"tilts": tilts, "method": shown_as, "slice": slice_index, **_metrics(tomogram, measurements[tilts])}
            rows.append(row if not kept_out else row | _predicted(tomogram, whole[tilts], kept_out[tilts]))
    if not shown:
        raise InputError(f"no method is left to compare; {refused}")
    rows.sort(key=lambda row: list(ranges).index(row["tilts"]))  # by range, as in the picture
    figure = slice_panel(slices, {(row["tilts"], row["method"]): row["width_over_height"] for row in rows}, list(shown), shown)
    with AtomicFiles() as files:
        picture, numbers = map(files.add, compared_files(output))
        figure.savefig(picture, format="png")
        pd.DataFrame(rows).to_csv(numbers, index=False, float_format="%.4g")
    return rows


def compared_files(output: Path) -> tuple[Path, Path]:
    """The paths of the picture of :func:`compare_slice` and of its csv."""
    return output, output.with_suffix(".csv")


def makers_of(
    methods: Sequence[str], settings: Mapping[str, Any], device: str = "cpu", consistency: float | None = None, allow: Sequence[str] = ()
) -> dict[str, Callable[[], Reconstructor]]:
    """Constructors of several methods, by name.

    Parameters
    ----------
    methods
        Names or paths as in :func:`mwgan.recon.named.make_method`, or ``NAME=PATH``.
    settings
        For all methods that have them, or for one: ``{"iterations": 50, "tvm.weight": 0.05}``.
    device, consistency, allow
        As in :func:`mwgan.recon.named.make_method`.

    Raises
    ------
    InputError
        If there is no such method, file, setting or device.
    """
    check_device(device)
    paths = {name.strip(): path.strip() or name.strip() for name, _, path in (method.partition("=") for method in methods)}
    chosen = settings_by_method(settings, {name: find_method(path) for name, path in paths.items()})
    return {name: partial(make_method, path, chosen[name], device, consistency, allow) for name, path in paths.items()}


def _slice(series: TiltSeries, number: int, device: str, neighbours: int = 0) -> Measurement:
    return measurement_of(series, number, number + 1, device, neighbours)


def _reconstructed(reconstructor: Reconstructor, measurements: Mapping[str, Measurement]) -> dict[str, Tensor]:
    tomograms = {}
    for tilts, measurement in measurements.items():
        report_wedge(reconstructor, measurement.geometry)
        tomograms[tilts] = reconstructor(measurement)
    return tomograms


def _kept_out(measurement: Measurement, every: int) -> Tensor:
    tilts = select_held_out(measurement, every)
    if not tilts.any():
        raise InputError(f"{measurement.geometry.tilts} tilts are too few to keep one in {every} out: give --hold-out a smaller number")
    return tilts


def _predicted(tomogram: Tensor, measurement: Measurement, tilts: Tensor) -> dict[str, float]:
    """How well a tomogram predicts the kept-out tilts."""
    data, noise, missed = (float(sums.sum()) for sums in missed_on(tilts, measurement, tomogram))
    return {"held_out": relative(missed, data), "noise": relative(noise, data)}


def _metrics(tomogram: Tensor, measurement: Measurement) -> dict[str, float]:
    from mwgan.evaluation.roundness import width_over_height

    residual = relative(squared_misfit(tomogram, measurement), float(energy(measurement.sinogram).sum()))
    return {"width_over_height": float(width_over_height(tomogram)[0]), "residual": residual}
