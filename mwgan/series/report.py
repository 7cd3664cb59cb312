"""``mwgan reconstruct --report``: one page of HTML beside the volume, to look at it with."""

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

MOST_BYTES = 9_000_000  # of all volumes in the page, where they take a third more: 12 MB of the 20 that it may have


def report_file(output: Path) -> Path:
    """Where the page goes: ``needle.report.html`` of ``needle.mrc``."""
    return output.with_name(f"{split_name(output)[0]}.report.html")


class Report:
    """Writes the page when the volume's last slice is there.

    Parameters
    ----------
    output
        The volume.
    series
        What it is made from.
    record
        What is known of it, written before.
    label
        The method's name for people.
    device
        Where WBP works.
    trust
        What is to be said of how far to believe the volume; None where it wasn't asked for.
    """

    def __init__(self, output: Path, series: Series, record: Record, label: str, device: str, trust: TrustReport | None = None) -> None:
        self.path, self._series, self._record = report_file(output), series, record
        self._label, self._device, self._trust = label, device, trust

    def prepare(self, files: Unfinished) -> None:
        """The page takes its name with the volume."""
        self._partial = files.add(self.path)

    def write(self, finished: Finished) -> None:
        """Read the volume again, small, and put everything on the page."""
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
        found, facts = finished.explained, plain(self._record.facts)
        times = f", {found.residual / found.noise:.1f} times what the noise alone would" if found.noise > 0 else ""
        said: list[str] = [self._record.doubt] if self._record.doubt else []
        told = VolumePage(
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
            left=[f"Projected again, the volume leaves {100 * found.residual:.1f} % of the data{times}.", *said],
            seen=[*facts["notes"]] or ["Nothing was corrected, nothing is odd."],
            warnings=[*facts["warnings"], *said],
            believe=[] if self._trust is None else self._trust.sentences(),
            record=facts,
        )
        self._partial.write_text(volume_page(told), encoding="utf-8")


def _small(volume: VolumeWriter, bins: Bins) -> np.ndarray:
    return binned_volume(volume.read, volume.shape, bins)


def _tilts(series: Series) -> str:
    tilts = series.geometry.tilt_deg
    return f"{len(tilts)} tilts from {tilts[0]:g} to {tilts[-1]:g} degrees"
