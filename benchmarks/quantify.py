"""Errors of `mwgan measure` for known volumes, surfaces and thicknesses of particles, and the coverage of its intervals.

    python benchmarks/quantify.py                    # evaluates on the reported specimens
    python benchmarks/quantify.py --fit              # fits the intervals first, on other specimens

Specimens of six kinds (benchmarks/measured_specimens.py), 64 pixels, tilts of 3 degrees, 2 % noise, wedges of 0 to 80 degrees.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from machine import arguments, provenance, write_csv
from measured_specimens import KINDS, SHELL, densities, series, specimen

from mwgan.geometry import Measurement
from mwgan.quantify import intervals
from mwgan.quantify.bulk import Specimen, porosity_spread
from mwgan.quantify.labels import find_particles
from mwgan.quantify.materials import find_materials
from mwgan.quantify.measure import SMALLEST, measure_volume
from mwgan.quantify.particle import measure_particle
from mwgan.quantify.spread import QUANTITIES
from mwgan.quantify.subsets import Subsets
from mwgan.recon import SIRT
from mwgan.recon.named import make_method
from mwgan.trust import Uncertainty

WEDGES, NOISE = (0, 40, 60, 80), 2.0
METHODS = {"sirt": "sirt", "tvm": "tvm", "lpd_guided": "network"}
WITH_PARTS = "sirt, series and uncertainty"  # METHODS' sirt with all optional inputs
REPORTED_FROM = 100  # seeds; smaller ones are for fitting
LEVELS = (0.0, SHELL, 1.0)
REPORTED = ("volume", "surface", "thickness", "thickness_z")


def tomogram(method: str, kind: str, seed: int, wedge: int, kept: Path | None) -> np.ndarray:
    """Volume (Y, Z, X); cached in a folder if one is given."""
    file = None if kept is None else kept / f"{method}_{kind}_{seed}_{wedge}.npz"
    if file is not None and file.exists():
        with np.load(file) as there:
            return there["volume"].astype(np.float32)
    with torch.no_grad():
        volume = make_method(method)(series(specimen(kind, seed), wedge, NOISE, seed))[:, 0].numpy()
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial.npz")
        np.savez(partial, volume=volume.astype(np.float16))
        os.replace(partial, file)
    return volume


@cache
def truths(kind: str, seed: int) -> list[dict[str, float]]:
    """Ground truth of each body: volume, surface and walls by formulae, the rest measured on the specimen at twice the resolution."""
    bodies, volume = specimen(kind, seed), densities(specimen(kind, seed), 2)
    materials = find_materials(volume, levels=LEVELS if kind == "core-shell" else (0.0, 1.0))
    particles = find_particles(volume, materials, SMALLEST)
    found = []
    for body, label in zip(bodies, labels_of(kind, seed, particles.labels, 2), strict=True):
        place = particles.places[label - 1]
        measured = measure_particle(particles.field(place, volume, materials), place, (0.5,) * 3)
        assert measured is not None
        one = {name: getattr(measured[0], name) for name in QUANTITIES} | {"volume": body.volume, "surface": body.surface}
        found.append(one | {"thickness": np.nan if body.thickness is None else body.thickness, "contact": body.contact or np.nan})
    return found


def labels_of(kind: str, seed: int, labels: np.ndarray, fine: int = 1) -> list[int]:
    """Label of each body in the result; 0 if it is not found, or merged with another."""
    middle = np.array(labels.shape) / 2 - 0.5
    found = [int(labels[tuple(np.rint(body.at * fine + middle).astype(int))]) for body in specimen(kind, seed)]
    return [label if found.count(label) == 1 else 0 for label in found]


def measured(method: str, kind: str, seed: int, wedge: int, kept: Path | None) -> pd.DataFrame:
    """A row per body and quantity: measured value, spread and ground truth; cached next to the tomogram."""
    file = None if kept is None else kept / f"{method}_{kind}_{seed}_{wedge}.csv"
    if file is not None and file.exists():
        return pd.read_csv(file)
    subsets, deviation, volume = None, None, tomogram(method.split(",")[0], kind, seed, wedge, kept)
    if method == WITH_PARTS:
        measurement = series(specimen(kind, seed), wedge, NOISE, seed)
        subsets, deviation = Subsets(InMemory(measurement), SIRT()), Uncertainty([SIRT()])(measurement).deviation[:, 0].numpy()
    levels = LEVELS if kind == "core-shell" else None
    found = measure_volume(volume, 1.0, "otsu", levels, SMALLEST, deviation, subsets, wedge, method.split(",")[0])
    rows = []
    for body, label, truth in zip(specimen(kind, seed), labels_of(kind, seed, found.labels), truths(kind, seed), strict=True):
        one = found.particles[label - 1] if label else None
        row = {"method": method, "kind": kind, "seed": seed, "wedge_deg": wedge, "unseen": one.unseen if one else np.nan}
        for name, true in truth.items():
            if np.isfinite(true):
                value = np.nan if one is None else one.intervals[name].value
                moves = "surface" if name == "contact" else name
                spread, chance = (np.nan, np.nan) if one is None else (one.spread[moves], one.chance[moves])
                rows.append(row | {"number": name, "truth": true, "value": value, "spread": spread, "chance": chance})
        if body.void:
            value, *moved = Specimen(found.labels).porosities(volume, found.materials)
            true, spread = body.void / (body.void + body.volume), porosity_spread(value, moved) if value > 0 else np.nan
            rows.append(row | {"number": "porosity", "truth": true, "value": value or np.nan, "spread": spread, "chance": 0.0})
    table = pd.DataFrame(rows)
    if file is not None:
        table.to_csv(file, index=False)
    return table


class InMemory:
    """A measurement as a series."""

    path, voxel_sizes_angstrom = Path("series"), None

    def __init__(self, measurement: Measurement) -> None:
        self._sinograms, self.geometry, self.slices = measurement.sinogram, measurement.geometry, len(measurement.sinogram)

    def sinograms(self, start: int, stop: int) -> torch.Tensor:
        return self._sinograms[start:stop]


def every(method: str, seeds: range, kept: Path | None) -> pd.DataFrame:
    return pd.concat([measured(method, kind, seed, wedge, kept) for seed in seeds for kind in KINDS for wedge in WEDGES])


def fit(rows: pd.DataFrame) -> None:
    """Write the table of quantiles for the intervals."""
    rows = rows[rows["value"].notna()]
    rows = rows.assign(score=np.log(rows["truth"] / rows["value"]) / rows["spread"], kind_of_method=rows["method"].map(METHODS))
    quantiles: dict[str, dict[str, dict[str, list[float]]]] = {}
    counted: dict[str, dict[str, dict[str, int]]] = {}
    for (method, number, wedge), group in rows.groupby(["kind_of_method", "number", "wedge_deg"]):
        low, high = (round(end, 3) for end in intervals.fitted(group["score"].to_numpy()))
        of_wedges = quantiles.setdefault(method, {}).setdefault(number, {})
        for narrower in of_wedges.values():  # a wider wedge never narrows an interval
            low, high = min(low, narrower[0]), max(high, narrower[1])
        of_wedges[str(wedge)] = [low, high]
        counted.setdefault(method, {}).setdefault(number, {})[str(wedge)] = len(group)
    what = "quantiles of (log truth - log number) / spread by method, number and wedge in degrees: benchmarks/quantify.py --fit"
    text = json.dumps({"what": what, "particles": counted, "quantiles": quantiles})
    intervals.TABLE.write_text(text.replace("}}, ", "}},\n").replace("}, ", "},\n ") + "\n", encoding="utf-8")
    intervals._calibration.cache_clear()


def table(rows: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Error and coverage for each method, wedge and quantity, over all kinds of specimens and for each kind."""
    for (method, wedge, number), group in rows.groupby(["method", "wedge_deg", "number"], sort=False):
        quantiles = intervals.reach(number, METHODS[method.split(",")[0]], wedge)
        for kind in ("all", *KINDS):
            own = group if kind == "all" else group[group["kind"] == kind]
            one = own[own["value"].notna()]
            if len(one):
                columns = one[["value", "spread", "chance"]].fillna(0.0).itertuples(index=False)
                _, low, high = np.array([intervals.interval(value, spread, quantiles, chance) for value, spread, chance in columns]).T
                error = one["value"] / one["truth"] - 1
                holds = (low <= one["truth"]) & (one["truth"] <= high)
                yield {
                    "method": method,
                    "wedge_deg": wedge,
                    "number": number,
                    "specimens": kind,
                    "particles": len(one),
                    "not_found": len(own) - len(one),
                    "mean_error_percent": round(100 * error.abs().mean(), 2),
                    "bias_percent": round(100 * error.mean(), 2),
                    "coverage": round(float(holds.mean()), 3),
                    "width_percent": round(100 * float(np.mean((high - low) / one["value"])), 2),
                }


if __name__ == "__main__":
    parser = arguments(__doc__.splitlines()[0], "quantify.csv")
    parser.add_argument("--fit", action="store_true", help="fit the intervals first")
    parser.add_argument("--reported", type=int, nargs=3, default=(6, 5, 6), metavar=("SIRT", "TVM", "LPD"), help="specimens of each kind")
    parser.add_argument("--fitted", type=int, nargs=3, default=(6, 5, 6), metavar=("SIRT", "TVM", "LPD"), help="specimens for fitting")
    parser.add_argument("--parts", type=int, default=1, help="specimens of each kind for SIRT with its series and its uncertainty")
    parser.add_argument("--noise", type=float, default=NOISE, help="percent; use a separate --kept folder for each")
    parser.add_argument("--kept", type=Path, help="folder for cached tomograms and measurements")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    NOISE = given.noise
    if given.fit:
        fit(pd.concat([every(method, range(count), given.kept) for method, count in zip(METHODS, given.fitted, strict=True)]))
    counts = {**dict(zip(METHODS, given.reported, strict=True)), WITH_PARTS: given.parts}
    rows = pd.concat([every(method, range(REPORTED_FROM, REPORTED_FROM + count), given.kept) for method, count in counts.items() if count])
    columns = provenance(["torch", "mwgan", "scikit-image"])
    found = list(table(rows))
    write_csv(given.csv, [row | columns for row in found])
    shown = pd.DataFrame(found)
    print(shown[(shown["specimens"] == "all") & shown["number"].isin(REPORTED)].to_string(index=False))
