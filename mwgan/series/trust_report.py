"""``mwgan reconstruct --trust``: the uncertainty of a volume, a table of its slices, and a panel of one slice."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from mwgan.files.unfinished import Unfinished
from mwgan.geometry import Measurement
from mwgan.io import VolumeWriter
from mwgan.io.volumes import split_name
from mwgan.recon import SIRT, Reconstructor
from mwgan.recon.held_out import leave_out, select_held_out
from mwgan.series.measured import Series
from mwgan.series.slice_grid import SliceGrid
from mwgan.trust import (
    FLOOR,
    Believed,
    Disagreement,
    Uncertainty,
    added_part,
    band_scale,
    contrast,
    energy,
    missed_on,
    noise_deviation,
    noise_residual,
    relative_residual,
    residual_map,
    uncertainty_of,
    wedges,
)

AGAINST_SIRT = 1.2  # times SIRT's error on kept-out tilts. Observed: needle 0.9, tungsten 1.1; film 1.25, open nanotube 1.9
INCONSISTENT = 0.12  # relative residual there of both the method and SIRT: no volume has such projections
BEYOND_NOISE = 3.0  # times the noise, else it may be noise
KEPT_OUT = ("kept_out_data", "kept_out_noise", "kept_out_misfit", "kept_out_misfit_of_sirt")
SIRT_PASSES = 100


def trust_files(output: Path) -> tuple[Path, Path, Path]:
    """The paths of a volume's uncertainty (in the volume's format), table of slices (csv) and panel (PNG)."""
    stem, suffix = split_name(output)
    return output.with_name(f"{stem}.uncertainty{suffix}"), output.with_name(f"{stem}.trust.csv"), output.with_name(f"{stem}.trust.png")


class TrustReport:
    """Reconstructs blocks of slices with their uncertainty, and writes the reliability report after the last.

    Parameters
    ----------
    reconstructor
        The method; its ``band_scale``, from its calibration, scales the uncertainty.
    output
        The volume; see :func:`trust_files`.
    series
        The tilt series that it is made from.
    """

    def __init__(self, reconstructor: Reconstructor, output: Path, series: Series) -> None:
        self._scale = band_scale(reconstructor)
        self.calibrated = self._scale is not None
        self._believed = self._uncertainty(reconstructor)
        self._series, self._paths = series, trust_files(output)
        self._rows: list[dict[str, float]] = []
        self._reconstructor, self._sirt = reconstructor, SIRT(iterations=SIRT_PASSES)
        self._sums = dict.fromkeys(("misfit", "noise", "data", "added", "energy", "deviation", "contrast", *KEPT_OUT), 0.0)

    @contextmanager
    def written_with(self, files: Unfinished, grid: SliceGrid) -> Iterator[None]:
        """Context in which blocks are taken; the report's files get their names together with ``files``."""
        uncertainty, table, panel = self._paths
        self._grid, self._pictures = grid, files.beside("middle.npz")
        shape = (self._series.slices, grid.thickness, grid.width)
        place = grid.first_voxel_px
        with VolumeWriter(uncertainty, shape, self._series.voxel_sizes_angstrom, files, place) as self.uncertainty:
            self._table, self._panel = files.add(table), files.add(panel)
            yield

    def look(self, measurement: Measurement, reconstructor: Reconstructor | None = None) -> Believed:
        """Tomograms (B, 1, N, N) of a measurement and their deviation, optionally by another method than that of the volume."""
        return (self._believed if reconstructor is None else self._uncertainty(reconstructor))(measurement)

    def take(self, start: int, measurement: Measurement, believed: Believed) -> dict[str, Any]:
        """Store the results of the slices from ``start`` on, and return what :meth:`recall` needs of them."""
        tomogram, deviation = believed
        written = self.uncertainty.write(start, self._grid.cropped(deviation))
        added = added_part(tomogram, measurement)
        parts = {
            "residual": relative_residual(tomogram, measurement),
            "noise": noise_residual(measurement),
            "data": energy(measurement.sinogram),
            "added": energy(added),
            "energy": energy(tomogram - tomogram.mean(dim=(2, 3), keepdim=True)),
            "deviation": self._grid.cropped(deviation).mean(dim=(1, 2, 3)),
            "contrast": contrast(self._grid.cropped(tomogram)).flatten(),
            **self._predicted(measurement),
        }
        kept: dict[str, Any] = {"volume": written, "parts": {name: part.tolist() for name, part in parts.items()}}
        middle = self._series.slices // 2 - start
        if 0 <= middle < len(tomogram):
            slices = {"tomogram": tomogram, "added": added, "deviation": deviation}
            pictures = {name: self._grid.cropped(picture) for name, picture in slices.items()}
            pictures["residual"] = residual_map(tomogram, measurement)
            shown: dict[str, Any] = {name: picture[middle, 0].cpu().numpy() for name, picture in pictures.items()}
            shown |= {"noise": float(noise_deviation(measurement)[middle]), "contrast": kept["parts"]["contrast"][middle]}
            with self._pictures.open("wb") as file:  # for the process that resumes if this one is stopped
                np.savez(file, **shown)
        self._count(start, kept)
        return kept

    def _predicted(self, measurement: Measurement) -> dict[str, Tensor]:
        """Sums of squares (B,) on every tenth tilt, kept out: of the data, their noise, and the residuals of the method and SIRT."""
        tilts = select_held_out(measurement)
        fewer = leave_out(measurement, tilts)
        missed = missed_on(tilts, measurement, self._reconstructor(fewer), self._sirt(fewer))
        return dict(zip(KEPT_OUT, missed, strict=True))

    def recall(self, start: int, kept: dict[str, Any]) -> None:
        """Count slices that an earlier process took, by what :meth:`take` returned for them."""
        self.uncertainty.recall(start, kept["volume"])
        self._count(start, kept)

    def _uncertainty(self, reconstructor: Reconstructor) -> Uncertainty | Disagreement:
        if self._scale is None:
            return uncertainty_of(reconstructor)
        return uncertainty_of(reconstructor, scale=self._scale, floor=FLOOR)

    def write(self) -> None:
        """Write the table and the panel; the files get their names when the context ends."""
        import pandas as pd

        from mwgan.figures import trust_panel

        pd.DataFrame(self._rows).to_csv(self._table, index=False, float_format="%.4g")
        tilts = self._series.geometry.tilt_deg
        with np.load(self._pictures) as file:
            middle: dict[str, Any] = {name: file[name] if file[name].ndim else float(file[name]) for name in file}
        figure = trust_panel(**middle, tilt_deg=tilts, wedges_deg=[wedge[:2] for wedge in wedges(list(tilts))])
        figure.savefig(self._panel, format="png", dpi=200)

    def sentences(self) -> list[str]:
        """Sentences on the volume as a whole."""
        sums = self._sums
        if sums["data"] == 0:
            return ["no report is possible: all data are 0, and so is the volume"]
        noise = math.sqrt(_ratio(sums["noise"], sums["data"]))
        calibration = "; calibrated: nine errors of ten or more should lie within 1.64 times the uncertainty (docs/trust.md)"
        if not self.calibrated:
            calibration = "; not calibrated for this method, so it shows where the method is unstable, not how large its errors are"
        kept_out = [] if sums["kept_out_data"] == 0 else [self._kept_out_sentence()]
        return [
            *kept_out,
            f"the residual expected from noise alone is {100 * noise:.1f} %: the residual is {self.times_noise:.2f} times that",
            f"{100 * _ratio(sums['added'], sums['energy']):.1f} % of the power is in the missing wedge, where nothing was measured",
            f"the mean uncertainty is {100 * _ratio(sums['deviation'], sums['contrast']):.1f} % of the contrast{calibration}",
        ]

    @property
    def times_noise(self) -> float:
        """The residual of the volume over that expected from noise."""
        return math.sqrt(_ratio(self._sums["misfit"], self._sums["noise"]))

    @property
    def doubt(self) -> str | None:
        """A warning with a remedy if kept-out tilts are predicted badly; None if all is well."""
        data, noise, ours, sirt = (math.sqrt(self._sums[name]) for name in KEPT_OUT)
        if min(ours, sirt) > max(INCONSISTENT * data, BEYOND_NOISE * noise):
            return (
                f"no volume predicts these images: on kept-out tilts the residual of the method is {100 * ours / data:.0f} %, of SIRT "
                f"{100 * sirt / data:.0f} %: are the tilts, the tilt axis and the alignment right, and does the specimen stay in the field "
                "(mwgan look)?"
            )
        if ours > max(AGAINST_SIRT * sirt, BEYOND_NOISE / 2 * noise):
            return (
                f"on kept-out tilts the residual of the method is {100 * ours / data:.1f} %, of SIRT {100 * sirt / data:.1f} %: the "
                "specimen is unlike the method's training data, compare with --method tvm_auto and sirt"
            )
        return None

    def _kept_out_sentence(self) -> str:
        data, *missed = (math.sqrt(self._sums[name]) for name in KEPT_OUT)
        noise, ours, sirt = (f"{100 * one / data:.1f} %" for one in missed)
        return f"on kept-out tilts the residual of the method is {ours}, of SIRT {sirt}, of noise {noise}"

    def _count(self, start: int, kept: dict[str, Any]) -> None:
        parts = kept["parts"]
        for offset, values in enumerate(zip(*parts.values(), strict=True)):
            self._add(start + offset, dict(zip(parts, values, strict=True)))

    def _add(self, number: int, values: dict[str, float]) -> None:
        residual, noise = values["residual"], values["noise"]
        self._rows.append(
            {
                "slice": number,
                "residual": residual,
                "noise_residual": noise,
                "residual_over_noise": _ratio(residual, noise),
                "added_share": _ratio(values["added"], values["energy"]),
                "mean_uncertainty": _ratio(values["deviation"], values["contrast"]),
                **{name: math.sqrt(_ratio(values[name], values["kept_out_data"])) for name in KEPT_OUT[1:]},
            }
        )
        values = values | {"misfit": residual**2 * values["data"], "noise": noise**2 * values["data"]}
        for name in self._sums:
            self._sums[name] += values[name]


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else math.nan
