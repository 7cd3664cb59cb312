"""The cost of an interpolation: volumes of images that were shifted, and shifted back by the known amount, against unshifted images.

    python benchmarks/interpolation.py

A body of ellipsoids, 96 pixels, tilts up to ±70 degrees; sixteen slices with known densities.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from machine import arguments, provenance, write_csv
from moved_specimens import FINE, KINDS, SIZE, Ellipsoid, moved_series, projected, specimen

from mwgan.geometry import Measurement, TiltGeometry
from mwgan.recon import SIRT, WBP
from mwgan.series.align.alignment import ORDERS, Alignment

KIND, RANGE_DEG = "closed", 70.0
SLICES = range(40, 56)
METHODS = {"sirt_30": SIRT(iterations=30), "sirt_100": SIRT(iterations=100), "wbp": WBP()}


def densities(bodies: list[Ellipsoid]) -> np.ndarray:
    """The slices (S, z, x)."""
    axis = (np.arange(SIZE * FINE) + 0.5) / FINE - SIZE / 2
    z, x = np.meshgrid(axis, axis, indexing="ij")
    volume = np.zeros((len(SLICES), SIZE, SIZE))
    for one, row in zip(volume, SLICES, strict=True):
        for body in bodies:
            away = np.stack([np.full_like(x, row - (SIZE - 1) / 2), x, z], axis=-1) - body.middle
            inside = ((away @ body.form) * away).sum(axis=-1) <= 1
            one += (body.density * inside).reshape(SIZE, FINE, SIZE, FINE).mean(axis=(1, 3))
    return volume


def placed(alignment: Alignment, images: np.ndarray) -> np.ndarray:
    """All images, aligned."""
    return np.stack([alignment.placed(place, image) for place, image in enumerate(images)])


def main() -> None:
    options = arguments("Errors of volumes by how images are interpolated.", "interpolation.csv").parse_args()
    torch.set_num_threads(options.threads)
    clean = moved_series(KIND, RANGE_DEG, 0.0, 0)
    bodies = specimen(KIND, np.random.default_rng([0, KINDS.index(KIND)]))
    still = projected(bodies, clean.tilt_deg, np.zeros_like(clean.shifts_px), 0.0)
    truth, count = densities(bodies), len(clean.tilt_deg)
    rows = []
    for angle_deg in (clean.angle_deg, 0.0):
        moved = projected(bodies, clean.tilt_deg, clean.shifts_px, angle_deg)
        back = Alignment(
            list(range(1, count + 1)),
            count,
            (SIZE, SIZE),
            clean.tilt_deg.tolist(),
            "y",
            angle_deg,
            [tuple(shift) for shift in clean.shifts_px],
            [False] * count,
            [1.0] * count,
            (SIZE, SIZE),
        )
        whole, offsets = back.by_whole_pixels()
        for noise_percent in (0, 2, 5):
            noise = np.random.default_rng(0).normal(0, noise_percent / 100 * clean.images.max(), still.shape)
            series: dict[str, tuple[np.ndarray, list[float]]] = {"never moved": (still + noise, [])}
            for kind in ORDERS:
                series[kind] = (placed(replace(back, interpolation=kind), moved + noise), [])
                series[f"{kind}, --aligned-by"] = (placed(replace(whole, interpolation=kind), moved + noise), offsets)
            for name, (images, of_tilts) in series.items():
                sinograms = torch.from_numpy(np.ascontiguousarray(images[:, SLICES].swapaxes(0, 1), dtype=np.float32)).unsqueeze(1)
                geometry = TiltGeometry(tuple(clean.tilt_deg), SIZE, 0.0, tuple(of_tilts))
                measurement = Measurement(sinograms, torch.ones(count, dtype=torch.bool), geometry)
                errors = {
                    method: round(float(np.linalg.norm(make(measurement)[:, 0].numpy() - truth) / np.linalg.norm(truth)), 4)
                    for method, make in METHODS.items()
                }
                known = {"axis_angle_deg": round(angle_deg, 3), "interpolation": name, "noise_percent": noise_percent}
                rows.append({**known, **errors, **provenance(("torch", "mwgan"))})
                print(*known.values(), errors, flush=True)
    write_csv(options.csv, rows)


if __name__ == "__main__":
    main()
