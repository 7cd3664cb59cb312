"""``mwgan reconstruct --report``: a self-contained HTML page next to the volume, with a viewer."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mwgan.files.unfinished import Unfinished
from mwgan.io.volumes import VolumeWriter, split_name
from mwgan.series.finished import Finished
from mwgan.series.measured import Series
from mwgan.series.record import Record, plain
from mwgan.series.trust_report import TrustReport
from mwgan.series.views import Bins, binned_volume, binned_wbp, bins_for, first_of, wbp_slice
from mwgan.trust import wedges

MOST_BYTES = 9_000_000  # for all volumes in the page, plus a third for encoding: 12 MB of at most 20


def report_file(output: Path) -> Path:
    """The path of the page: ``needle.report.html`` for ``needle.mrc``."""
    return output.with_name(f"{split_name(output)[0]}.report.html")


class Report:
    """Writes the page after the volume's last slice.

    Parameters
    ----------
    output
        The volume.
    series
        The series that it is made from.
    record
        Its metadata, written before.
    label
        The method's display name.
    device
        Where WBP is computed.
    trust
        The report on the volume's reliability; None if it wasn't requested.
    """

    def __init__(self, output: Path, series: Series, record: Record, label: str, device: str, trust: TrustReport | None = None) -> None:
        self.path, self._series, self._record = report_file(output), series, record
        self._label, self._device, self._trust = label, device, trust

    def prepare(self, files: Unfinished) -> None:
        """Register the page, which gets its name together with the volume."""
        self._partial = files.add(self.path)

    def write(self, finished: Finished) -> None:
        """Read the volume again, binned, and write the page."""
        from mwgan.figures.parts.volume_viewer import Shown
        from mwgan.figures.volume_page import VolumePage, volume_page

        volume, grid, series, device = finished.volume, finished.grid, self._series, self._device
        whole, count = volume.shape, 2 if finished.uncertainty is None else 3
        bins = bins_for(whole, MOST_BYTES // count)
        step, middle = bins.of(whole), whole[0] // 2
        y, z, x = (first_of(size, bin_) + (bin_ - 1) / 2 for size, bin_ in zip(whole, step, strict=True))
        edges = volume.facts.sizes_angstrom
        shown = Shown(
            {self._label: _small(volume, bins), "WBP": binned_wbp(series, grid, whole, bins, device)},
            (edges[0] * step[0], edges[1] * step[1], edges[2] * step[2]),
            (y, z, x),
            step,
            None if finished.uncertainty is None else _small(finished.uncertainty, bins),
        )
        found, facts = finished.fit, plain(self._record.facts)
        times = f", {found.residual / found.noise:.1f} times that expected from noise" if found.noise > 0 else ""
        said: list[str] = [self._record.doubt] if self._record.doubt else []
        page = VolumePage(
            title=volume.path.name,
            about=[
                f"{' x '.join(map(str, whole))} voxels (y along the tilt axis, z along the beam, x), by {self._label}, "
                f"from {Path(facts['series']).name}: {_tilts(series)}."
            ],
            shown=shown,
            middle={self._label: volume.read(middle), "WBP": wbp_slice(series, grid, middle, device)},
            middle_number=middle,
            wedges_deg=[wedge[:2] for wedge in wedges(list(series.geometry.tilt_deg))],
            tilt_deg=series.geometry.tilt_deg,
            residual=finished.residual_by_tilt,
            noise=finished.noise_by_tilt,
            left=[f"The residual of the projected volume is {100 * found.residual:.1f} % of the data{times}.", *said],
            seen=[*facts["notes"]] or ["Nothing was corrected, no problems were found."],
            warnings=[*facts["warnings"], *said],
            believe=[] if self._trust is None else self._trust.sentences(),
            record=facts,
        )
        self._partial.write_text(volume_page(page), encoding="utf-8")


def _small(volume: VolumeWriter, bins: Bins) -> np.ndarray:
    return binned_volume(volume.read, volume.shape, bins)


def _tilts(series: Series) -> str:
    tilts = series.geometry.tilt_deg
    return f"{len(tilts)} tilts from {tilts[0]:g} to {tilts[-1]:g} degrees"
