"""What ``mwgan reconstruct --trust`` writes beside a volume: its uncertainty, a table of its slices, and the panel of one."""

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
from mwgan.recon.held_out import held_out, without
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

AGAINST_SIRT = 1.2  # times SIRT's error on tilts that were kept out. Seen: needle 0.9, tungsten 1.1; film 1.25, open nanotube 1.9
INCONSISTENT = 0.12  # of the data there, missed by the method and by SIRT: no volume has such projections
BEYOND_NOISE = 3.0  # times the noise, or it may be that
KEPT_OUT = ("kept_out_data", "kept_out_noise", "kept_out_misfit", "kept_out_misfit_of_sirt")
SIRT_PASSES = 100


def trust_files(output: Path) -> tuple[Path, Path, Path]:
    """Where the uncertainty (in the volume's format), the slices' numbers (csv) and the panel (PNG) of a volume go."""
    stem, suffix = split_name(output)
    return output.with_name(f"{stem}.uncertainty{suffix}"), output.with_name(f"{stem}.trust.csv"), output.with_name(f"{stem}.trust.png")


class TrustReport:
    """Reconstructs blocks of slices with their uncertainty, and writes how far to believe them when the last is done.

    Parameters
    ----------
    reconstructor
        The method; its ``band_scale``, from its calibration, scales the uncertainty.
    output
        The volume they belong to; see :func:`trust_files`.
    series
        The tilt series it is made from.
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
        """Blocks are taken inside; what there is to say of them gets its names with ``files``."""
        uncertainty, table, panel = self._paths
        self._grid, self._pictures = grid, files.beside("middle.npz")
        shape = (self._series.slices, grid.thickness, grid.width)
        place = grid.first_voxel_px
        with VolumeWriter(uncertainty, shape, self._series.voxel_sizes_angstrom, files, place) as self.uncertainty:
            self._table, self._panel = files.add(table), files.add(panel)
            yield

    def look(self, measurement: Measurement, reconstructor: Reconstructor | None = None) -> Believed:
        """Tomograms (B, 1, N, N) of a measurement and their deviation, by another method than that of the volume if one is given."""
        return (self._believed if reconstructor is None else self._uncertainty(reconstructor))(measurement)

    def take(self, start: int, measurement: Measurement, believed: Believed) -> dict[str, Any]:
        """Keep what there is to say of the slices from ``start`` on, and give what :meth:`recall` takes of it."""
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
            with self._pictures.open("wb") as file:  # for the process that continues, should this one be stopped
                np.savez(file, **shown)
        self._count(start, kept)
        return kept

    def _predicted(self, measurement: Measurement) -> dict[str, Tensor]:
        """Sums of squares (B,) on every tenth tilt, kept out: of the data, what noise is in them, and what the method and SIRT miss."""
        tilts = held_out(measurement)
        fewer = without(measurement, tilts)
        missed = missed_on(tilts, measurement, self._reconstructor(fewer), self._sirt(fewer))
        return dict(zip(KEPT_OUT, missed, strict=True))

    def recall(self, start: int, kept: dict[str, Any]) -> None:
        """Count slices as taken that another process took: what :meth:`take` gave for them."""
        self.uncertainty.recall(start, kept["volume"])
        self._count(start, kept)

    def _uncertainty(self, reconstructor: Reconstructor) -> Uncertainty | Disagreement:
        if self._scale is None:
            return uncertainty_of(reconstructor)
        return uncertainty_of(reconstructor, scale=self._scale, floor=FLOOR)

    def write(self) -> None:
        """The table and the panel; the files get their names when the context ends."""
        import pandas as pd

        from mwgan.figures import trust_panel

        pd.DataFrame(self._rows).to_csv(self._table, index=False, float_format="%.4g")
        tilts = self._series.geometry.tilt_deg
        with np.load(self._pictures) as file:
            middle: dict[str, Any] = {name: file[name] if file[name].ndim else float(file[name]) for name in file}
        figure = trust_panel(**middle, tilt_deg=tilts, wedges_deg=[wedge[:2] for wedge in wedges(list(tilts))])
        figure.savefig(self._panel, format="png", dpi=200)

    def sentences(self) -> list[str]:
        """What the volume as a whole has to say for itself."""
        sums = self._sums
        if sums["data"] == 0:
            return ["there is nothing to believe or doubt: all that was measured is 0, and so is the volume"]
        noise = math.sqrt(_ratio(sums["noise"], sums["data"]))
        calibration = "; calibrated: nine errors of ten or more should lie within 1.64 times the uncertainty (docs/trust.md)"
        if not self.calibrated:
            calibration = "; not calibrated for this method, so it tells where the method wavers, not by how much it errs"
        kept_out = [] if sums["kept_out_data"] == 0 else [self._told_of_kept_out()]
        return [
            *kept_out,
            f"the noise alone would leave {100 * noise:.1f} % unexplained: the residual is {self.times_noise:.2f} times that",
            f"{100 * _ratio(sums['added'], sums['energy']):.1f} % of the power lies in the missing wedge, where nothing was measured",
            f"the mean uncertainty is {100 * _ratio(sums['deviation'], sums['contrast']):.1f} % of the contrast{calibration}",
        ]

    @property
    def times_noise(self) -> float:
        """The residual of the volume over what the noise would leave."""
        return math.sqrt(_ratio(self._sums["misfit"], self._sums["noise"]))

    @property
    def doubt(self) -> str | None:
        """One sentence with a remedy where tilts that were kept out are predicted badly; None where nothing is odd."""
        data, noise, ours, sirt = (math.sqrt(self._sums[name]) for name in KEPT_OUT)
        if min(ours, sirt) > max(INCONSISTENT * data, BEYOND_NOISE * noise):
            return (
                f"no volume predicts these images: on tilts that were kept out the method misses {100 * ours / data:.0f} % and SIRT "
                f"{100 * sirt / data:.0f} %: are the tilts, the tilt axis and the alignment right, and does the specimen stay in the field "
                "(mwgan look)?"
            )
        if ours > max(AGAINST_SIRT * sirt, BEYOND_NOISE / 2 * noise):
            return (
                f"on tilts that were kept out the method misses {100 * ours / data:.1f} % and SIRT {100 * sirt / data:.1f} %: the specimen "
                "is unlike what it is made for, compare it with --method tvm_auto and sirt"
            )
        return None

    def _told_of_kept_out(self) -> str:
        data, *missed = (math.sqrt(self._sums[name]) for name in KEPT_OUT)
        noise, ours, sirt = (f"{100 * one / data:.1f} %" for one in missed)
        return f"on tilts that were kept out the method misses {ours} and SIRT {sirt}; the noise there is {noise}"

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
