"""The raw needle of NIST (etspy 1.3.0, public domain), aligned by mwgan and by hand: SIRT's residual in four slices, and their roundness.

    python benchmarks/aligned_needle.py RAW.mrc BY_HAND.mrc BY_HAND.tlt

In the file aligned by hand the tilt axis runs along x, and its first column is that of the raw images.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import torch
from machine import arguments, provenance, write_csv

from mwgan.evaluation.roundness import width_over_height
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.io import open_series
from mwgan.recon import SIRT
from mwgan.series import align_series
from mwgan.series.align import write_aligned
from mwgan.series.align.alignment import ORDERS
from mwgan.series.align.shifted import ShiftedSeries
from mwgan.trust import residual_map

SLICES, SIZE, PASSES = range(100, 104), 128, 30


def score(sinograms: torch.Tensor, geometry: TiltGeometry, equal_mass: bool) -> dict[str, float]:
    """Residual and roundness of slices (S, 1, A, N), in their middle 128 pixels."""
    first = (sinograms.shape[3] - SIZE) // 2
    rows = sinograms[..., first : first + SIZE]
    if equal_mass:
        mass = rows.sum(dim=(0, 1, 3))
        rows = rows * (mass.mean() / mass).reshape(1, 1, -1, 1)
    measured = torch.ones(geometry.tilts, dtype=torch.bool)
    measurement = Measurement(rows, measured, replace(geometry, detector_size=SIZE, axis_offset_px=0.0))
    volume = SIRT(iterations=PASSES)(measurement)
    left = float(residual_map(volume, measurement).norm() / rows.norm())
    return {"left_percent": round(100 * left, 3), "width_over_height": round(float(width_over_height(volume).mean()), 4)}


def main() -> None:
    parser = arguments("What SIRT leaves of the needle, aligned by mwgan and by hand.", "aligned_needle.csv")
    for name in ("raw", "by_hand", "tilts"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    by_hand = open_series(options.by_hand, options.tilts, tilt_axis="x")
    series = {"by hand": by_hand}
    aligned = align_series(options.raw, say=print)
    print(*aligned.notes, *aligned.warnings, sep="\n")
    with tempfile.TemporaryDirectory() as folder:
        for interpolation in ORDERS:
            output = Path(folder) / f"{interpolation}.mrc"
            alignment = replace(aligned.alignment, interpolation=interpolation)
            write_aligned(replace(aligned, alignment=alignment), output, {})
            series[f"mwgan, {interpolation}"] = open_series(output)
            series[f"mwgan, {interpolation}, --aligned-by"] = ShiftedSeries(aligned.upright.looked_at, alignment)
        rows = []
        for name, one in series.items():
            for equal_mass in (False, True):
                found = score(one.sinograms(SLICES.start, SLICES.stop), one.geometry, equal_mass)
                angle = float("nan") if one is by_hand else round(aligned.alignment.axis_angle_deg, 3)
                rows.append({"aligned": name, "equal_mass": equal_mass, **found, "axis_angle_deg": angle, **provenance(("torch", "mwgan"))})
                print(name, "equal mass" if equal_mass else "as left", found, flush=True)
    write_csv(options.csv, rows)


if __name__ == "__main__":
    main()
