"""What ``mwgan reconstruct --trust`` writes beside a volume: its uncertainty, a table of its slices, and the panel of one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from mwgan.files.whole import WrittenTogether
from mwgan.geometry import Measurement
from mwgan.io import TiltSeries, VolumeWriter
from mwgan.recon import LearnedReconstructor, Reconstructor
from mwgan.recon.normalized import Normalized
from mwgan.trust import (
    FLOOR,
    Uncertainty,
    added_part,
    contrast,
    energy,
    noise_deviation,
    noise_residual,
    relative_residual,
    residual_map,
    wedges,
)

CONTRADICTION = 1.5  # times the noise: half as much again can't be the noise's doing


def trust_files(output: Path) -> tuple[Path, Path, Path]:
    """Where the uncertainty (MRC), the slices' numbers (csv) and the panel (PNG) of a volume go."""
    stem = output.name.removesuffix(".mrc")
    return output.with_name(f"{stem}.uncertainty.mrc"), output.with_name(f"{stem}.trust.csv"), output.with_name(f"{stem}.trust.png")


class TrustReport:
    """Reconstructs blocks of slices with their uncertainty, and writes how far to believe them when the last is done.

    Parameters
    ----------
    reconstructor
        The method; a network's ``band_scale``, from its calibration, scales the uncertainty.
    output
        The volume they belong to; see :func:`trust_files`.
    series
        The tilt series it is made from.
    """

    def __init__(self, reconstructor: Reconstructor, output: Path, series: TiltSeries) -> None:
        scale = band_scale(reconstructor)
        self.calibrated = scale is not None
        self._believed = Uncertainty([reconstructor]) if scale is None else Uncertainty([reconstructor], scale=scale, floor=FLOOR)
        self._series, self._paths = series, trust_files(output)
        self._rows: list[dict[str, float]] = []
        self._middle: dict[str, Any] = {}
        self._sums = dict.fromkeys(("misfit", "noise", "data", "added", "energy", "deviation", "contrast"), 0.0)

    @contextmanager
    def written_with(self, files: WrittenTogether) -> Iterator[None]:
        """Blocks are taken inside; what there is to say of them gets its names with ``files``."""
        size = self._series.geometry.detector_size
        uncertainty, table, panel = self._paths
        self._table, self._panel = files.add(table), files.add(panel)
        with VolumeWriter(uncertainty, (self._series.slices, size, size), self._series.voxel_size_angstrom, files) as self._volume:
            yield

    def reconstruct(self, start: int, measurement: Measurement) -> Tensor:
        """Tomograms (B, 1, N, N) of the slices from ``start`` on; what there is to say of them is kept."""
        tomogram, deviation = self._believed(measurement)
        self._volume.write(start, deviation)
        added = added_part(tomogram, measurement)
        parts = {
            "residual": relative_residual(tomogram, measurement),
            "noise": noise_residual(measurement),
            "data": energy(measurement.sinogram),
            "added": energy(added),
            "energy": energy(tomogram - tomogram.mean(dim=(2, 3), keepdim=True)),
            "deviation": deviation.mean(dim=(1, 2, 3)),
            "contrast": contrast(tomogram).flatten(),
        }
        for offset, values in enumerate(zip(*(part.tolist() for part in parts.values()), strict=True)):
            self._add(start + offset, dict(zip(parts, values, strict=True)))
        middle = self._series.slices // 2 - start
        if 0 <= middle < len(tomogram):
            residual, noise = residual_map(tomogram, measurement), noise_deviation(measurement)
            pictures = {"tomogram": tomogram, "added": added, "residual": residual, "deviation": deviation}
            self._middle = {name: picture[middle, 0].cpu().numpy() for name, picture in pictures.items()}
            self._middle |= {"noise": float(noise[middle]), "contrast": float(parts["contrast"][middle])}
        return tomogram

    def write(self) -> None:
        """The table and the panel; the files get their names when the context ends."""
        import pandas as pd

        from mwgan.figures import trust_panel

        pd.DataFrame(self._rows).to_csv(self._table, index=False, float_format="%.4g")
        tilts = self._series.geometry.tilt_deg
        figure = trust_panel(**self._middle, tilt_deg=tilts, wedges_deg=[wedge[:2] for wedge in wedges(list(tilts))])
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
        return [
            f"the noise alone would leave {100 * noise:.1f} % unexplained: the residual is {self.times_noise:.2f} times that",
            f"{100 * _ratio(sums['added'], sums['energy']):.1f} % of the power lies in the missing wedge, where nothing was measured",
            f"the mean uncertainty is {100 * _ratio(sums['deviation'], sums['contrast']):.1f} % of the contrast{calibration}",
        ]

    @property
    def times_noise(self) -> float:
        """The residual of the volume over what the noise would leave."""
        return math.sqrt(_ratio(self._sums["misfit"], self._sums["noise"]))

    @property
    def contradicts(self) -> bool:
        """Whether the residual is too large to be noise."""
        return self.times_noise > CONTRADICTION

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
            }
        )
        values = values | {"misfit": residual**2 * values["data"], "noise": noise**2 * values["data"]}
        for name in self._sums:
            self._sums[name] += values[name]


def band_scale(reconstructor: Reconstructor) -> float | None:
    """What a network's calibration found its deviations must be multiplied with; None where there was none.

    A network corrected for data consistency is another method, of which nothing was found.
    """
    network = reconstructor.reconstructor if isinstance(reconstructor, Normalized) else reconstructor
    return network.record.band_scale if isinstance(network, LearnedReconstructor) else None


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else math.nan
