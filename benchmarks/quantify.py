"""Volumes, surfaces and thicknesses of particles that are known: how wrong `mwgan measure` is, and how often its intervals hold the truth.

    python benchmarks/quantify.py                    # measures on the specimens that are reported
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

from mwgan.quantify import intervals
from mwgan.quantify.bulk import porosities, porosity_spread, region_about
from mwgan.quantify.labels import Particles, find_particles
from mwgan.quantify.materials import Materials, find_materials
from mwgan.quantify.measure import SMALLEST, measure_volume
from mwgan.quantify.particle import Numbers, measure_particle
from mwgan.quantify.spread import QUANTITIES, threshold_spread
from mwgan.recon.named import make_method

WEDGES, NOISE = (0, 40, 60, 80), 2.0
METHODS = {"sirt": "sirt", "tvm": "tvm", "lpd_guided": "network"}
REPORTED_FROM = 100  # seeds; those below are fitted on
LEVELS = (0.0, SHELL, 1.0)
REPORTED = ("volume", "surface", "thickness", "thickness_z")


def tomogram(method: str, kind: str, seed: int, wedge: int, cache: Path | None) -> np.ndarray:
    """(Y, Z, X); kept in a folder if one is given."""
    file = None if cache is None else cache / f"{method}_{kind}_{seed}_{wedge}.npz"
    if file is not None and file.exists():
        with np.load(file) as kept:
            return kept["volume"].astype(np.float32)
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
    """What each body is: volume, surface and walls by formulae, all else as measured on the specimen itself, twice as fine."""
    bodies, volume = specimen(kind, seed), densities(specimen(kind, seed), 2)
    materials = find_materials(volume, levels=LEVELS if kind == "core-shell" else (0.0, 1.0))
    particles = find_particles(volume, materials, SMALLEST)
    found = []
    for body, label in zip(bodies, labels_of(kind, seed, particles, 2), strict=True):
        numbers = numbers_of(particles, label, volume, materials, 0.5)
        found.append({name: getattr(numbers, name) for name in QUANTITIES} | {"volume": body.volume, "surface": body.surface})
        found[-1]["thickness"] = np.nan if body.thickness is None else body.thickness
        found[-1]["contact"] = body.contact
    return found


def labels_of(kind: str, seed: int, particles: Particles, fine: int = 1) -> list[int]:
    """The label that each body is found as; 0 of one that is not found, or that is one with another."""
    middle = np.array(particles.labels.shape) / 2 - 0.5
    found = [int(particles.labels[tuple(np.rint(body.at * fine + middle).astype(int))]) for body in specimen(kind, seed)]
    return [label if found.count(label) == 1 else 0 for label in found]


def numbers_of(particles: Particles, label: int, volume: np.ndarray, materials: Materials, voxel: float) -> Numbers:
    place = particles.places[label - 1]
    measured = measure_particle(particles.field(place, volume, materials), place, (voxel,) * 3)
    assert measured is not None
    return measured[0]


def scores(method: str, seeds: list[int], cache: Path | None) -> Iterator[dict[str, object]]:
    """Of each body by how many spreads the truth lies beside each number."""
    for seed, kind, wedge in ((seed, kind, wedge) for seed in seeds for kind in KINDS for wedge in WEDGES):
        volume = tomogram(method, kind, seed, wedge, cache)
        materials = find_materials(volume, levels=LEVELS) if kind == "core-shell" else find_materials(volume)
        particles = find_particles(volume, materials, SMALLEST)
        for label, truth in zip(labels_of(kind, seed, particles), truths(kind, seed), strict=True):
            if not label:
                continue
            numbers = numbers_of(particles, label, volume, materials, 1.0)
            spread = threshold_spread(particles, particles.places[label - 1], numbers, volume, materials, (1.0,) * 3)
            logs = {name: np.log(truth[name] / getattr(numbers, name)) / spread[name] for name in QUANTITIES}
            yield {"kind": kind, "wedge": wedge, **logs}
        (body,) = specimen(kind, seed) if kind == "porous" else (None,)
        if body is not None:
            value, *moved = porosities(volume, materials, region_about(particles.labels), 0)
            true = body.void / (body.void + body.volume)
            yield {"kind": kind, "wedge": wedge, "porosity": np.log(true / value) / porosity_spread(value, moved)}


def fit(seeds: dict[str, list[int]], cache: Path | None) -> None:
    """Write the table of quantiles that intervals are made with."""
    quantiles: dict[str, dict[str, dict[str, list[float]]]] = {}
    counted = {}
    for method, name in METHODS.items():
        rows = pd.DataFrame(scores(method, seeds[method], cache))
        counted[name] = {str(wedge): len(group) for wedge, group in rows.groupby("wedge")}
        quantiles[name] = {
            quantity: {
                str(wedge): [round(end, 3) for end in intervals.fitted(group[quantity].dropna().to_numpy())]
                for wedge, group in rows.groupby("wedge")
            }
            for quantity in (*QUANTITIES, "porosity")
        }
    told = "quantiles of (log truth - log number) / spread by method, number and wedge in degrees: benchmarks/quantify.py --fit"
    text = json.dumps({"what": told, "particles": counted, "quantiles": quantiles}, indent=1)
    intervals.TABLE.write_text(text + "\n", encoding="utf-8")
    intervals._calibration.cache_clear()


def measured(method: str, seeds: list[int], cache: Path | None) -> Iterator[dict[str, object]]:
    """A row a body and number: what was measured, its interval, the truth."""
    for seed, kind, wedge in ((seed, kind, wedge) for seed in seeds for kind in KINDS for wedge in WEDGES):
        volume = tomogram(method, kind, seed, wedge, cache)
        levels = LEVELS if kind == "core-shell" else None
        found = measure_volume(volume, 1.0, levels=levels, wedge_deg=wedge, method=method)
        labels = labels_of(kind, seed, Particles(found.labels, np.empty(0, np.int32), [], 0))
        for body, label, truth in zip(specimen(kind, seed), labels, truths(kind, seed), strict=True):
            row = {"method": method, "kind": kind, "wedge_deg": wedge, "found": bool(label)}
            one = found.particles[label - 1] if label else None
            for name in (*QUANTITIES, *(("contact",) if truth["contact"] else ())):
                if one is None:
                    yield row | {"number": name}
                elif np.isfinite(truth[name]):
                    yield row | {"number": name, "safe": one.safe, "truth": truth[name], **one.intervals[name]._asdict()}
            if body.void:
                pores = next(number.interval for number in found.numbers if number.name == "porosity")
                true = body.void / (body.void + body.volume)
                yield row | {"number": "porosity", "found": True, "safe": False, "truth": true, **pores._asdict()}


def table(rows: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Of each method, wedge and number: how wrong, and how often the interval holds; of all kinds of specimen and of each."""
    for (method, wedge, number), group in rows.groupby(["method", "wedge_deg", "number"], sort=False):
        for kind in ("all", *KINDS):
            own = group if kind == "all" else group[group["kind"] == kind]
            one = own[own["found"]]
            if len(one):
                error = one["value"] / one["truth"] - 1
                holds = (one["low"] <= one["truth"]) & (one["truth"] <= one["high"])
                yield {
                    "method": method,
                    "wedge_deg": wedge,
                    "number": number,
                    "kind": kind,
                    "particles": len(one),
                    "not_found": len(own) - len(one),
                    "mean_error_percent": round(100 * error.abs().mean(), 2),
                    "bias_percent": round(100 * error.mean(), 2),
                    "coverage": round(float(holds.mean()), 3),
                    "half_width_percent": round(100 * ((one["high"] - one["low"]) / 2 / one["value"]).mean(), 2),
                    "safe": round(float(one["safe"].astype(bool).mean()), 2),
                }


if __name__ == "__main__":
    parser = arguments(__doc__.splitlines()[0], "quantify.csv")
    parser.add_argument("--fit", action="store_true", help="fit the intervals first")
    parser.add_argument("--seeds", type=int, default=6, help="specimens of each kind that are reported, and as many to fit on")
    parser.add_argument("--network-seeds", type=int, default=3, help="the same for the network, which takes longer")
    parser.add_argument("--cache", type=Path, help="folder that tomograms are kept in")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    counts = {method: given.network_seeds if name == "network" else given.seeds for method, name in METHODS.items()}
    if given.fit:
        fit({method: list(range(count)) for method, count in counts.items()}, given.cache)
    every = [
        row for method, count in counts.items() for row in measured(method, list(range(REPORTED_FROM, REPORTED_FROM + count)), given.cache)
    ]
    columns = provenance(["torch", "mwgan", "scikit-image"])
    found = list(table(pd.DataFrame(every)))
    write_csv(given.csv, [row | columns for row in found])
    shown = pd.DataFrame(found)
    print(shown[(shown["kind"] == "all") & shown["number"].isin(REPORTED)].to_string(index=False))
