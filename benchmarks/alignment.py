"""Errors of alignments by mwgan and, if installed, by ETSpy, for synthetic specimens with known shifts.

    python benchmarks/alignment.py
    python benchmarks/alignment.py --etspy OTHER_VENV/bin/python

Images of 96 pixels at tilts of 2 degrees, each shifted by up to 12 pixels in both directions, the tilt axis up to 6 pixels off the middle
and rotated by up to 3 degrees. Rows that are in the table already are not computed again.
"""

from __future__ import annotations

import csv
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from machine import arguments, provenance, write_csv
from moved_specimens import CLOSED, KINDS, Moved, errors, moved_series

from mwgan.series.align.align import at_rest
from mwgan.series.align.estimate import estimate
from mwgan.series.align.pose import free_motion

TILTS_OFF_DEG = (0.0, 0.5)
CASES = [(70.0, 2.0), (76.0, 2.0), (60.0, 2.0), (50.0, 2.0), (70.0, 0.0), (70.0, 5.0)]  # range, noise


def by_mwgan(kind: str, true: Moved) -> dict[str, float]:
    """Our errors, and the time."""
    started = time.process_time()
    found = estimate(true.images, true.tilt_deg, closed=kind in CLOSED, noise=true.noise)
    seconds = time.process_time() - started
    row = errors(found.pose.shifts_px, found.pose.axis_angle_deg, true, found.used)
    row["angle_error_deg"] = found.angle_error_deg
    return {**row, "left_out": int((~found.used).sum()), "cpu_seconds": round(seconds, 1)}


def by_etspy(python: str, series: list[Moved]) -> list[dict[str, dict[str, float]]]:
    """Errors of every ETSpy method that finished, for each series; all in one process, as it starts slowly."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{number:03}.npz" for number in range(len(series))]
        for file, true in zip(files, series, strict=True):
            np.savez(file, images=true.images, tilt_deg=true.tilt_deg)
        subprocess.run([python, str(Path(__file__).with_name("etspy_shifts.py")), folder], check=True)
        found = [dict(np.load(file.with_suffix(".shifts.npz"))) for file in files]
    return [
        {f"ETSpy {method}": errors(shifts, 0.0, true) for method, shifts in by_method.items()}
        for by_method, true in zip(found, series, strict=True)
    ]


def still(kind: str) -> dict[str, float]:
    """Shifts found for an aligned series, and those applied."""
    true = moved_series(kind, 70.0, 2.0, 0, still=True)
    estimated = estimate(true.images, true.tilt_deg, closed=kind in CLOSED, noise=true.noise)
    pose, tilt_deg = estimated.pose, true.tilt_deg[estimated.used]
    moved = pose.shifts_px - free_motion(pose.shifts_px, tilt_deg)
    rests, _ = at_rest(estimated, tilt_deg)
    found = np.sqrt((moved**2).mean(axis=0))
    applied = 0.0 if not np.any(rests.shifts_px) else float(np.abs(moved).max())
    return {
        "across_px": found[1],
        "along_px": found[0],
        "axis_angle_deg": pose.axis_angle_deg,
        "angle_error_deg": estimated.angle_error_deg,
        "moved_by_px": applied,
    }


def tilts(kind: str, off_deg: float) -> dict[str, float]:
    """Errors of given tilts, and of those refined by ``--refine-tilts``, without a common offset and scale, which no image shows."""
    true = moved_series(kind, 70.0, 2.0, 0, tilts_off_deg=off_deg)
    found = estimate(true.images, true.tilt_deg, closed=True, noise=true.noise, finds_tilts=True)

    def residual(tilt_deg: np.ndarray) -> float:
        error = tilt_deg - true.true_tilt_deg[found.used]
        given = true.tilt_deg[found.used]
        return float(np.std(error - np.polyval(np.polyfit(given, error, 1), given)))

    return {"tilts_off_deg": residual(true.tilt_deg[found.used]), "tilts_left_deg": residual(found.tilt_deg)}


def main() -> None:
    parser = arguments("Errors of alignments with known shifts.", "alignment.csv")
    parser.add_argument("--etspy", help="a Python with ETSpy")
    parser.add_argument("--cases", type=int, default=len(CASES), help="number of tilt ranges and noise levels, the most common first")
    parser.add_argument("--kinds", default=",".join(KINDS))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows = list(csv.DictReader(options.csv.open())) if options.csv.exists() else []

    def add(key: tuple[str, ...], row: dict[str, float]) -> None:
        names = ("specimen", "range_deg", "noise_percent", "method")
        rounded = {name: round(float(value), 4) for name, value in row.items()}
        rows.append({**dict(zip(names, key, strict=True)), **rounded, **provenance(("torch", "mwgan"))})
        columns = list(dict.fromkeys(name for row in rows for name in row))
        write_csv(options.csv, [{name: row.get(name, "") for name in columns} for row in rows])
        print(*key, rounded, flush=True)

    def done(*key: str) -> bool:
        return any((row["specimen"], str(row["range_deg"]), str(row["noise_percent"]), row["method"]) == key for row in rows)

    missing: dict[tuple[str, ...], Moved] = {}
    for place, (range_deg, noise) in enumerate(CASES[: options.cases]):
        for kind in options.kinds.split(","):
            key = (kind, f"{range_deg:g}", f"{noise:g}")
            ours, theirs = not done(*key, "mwgan"), options.etspy is not None and not done(*key, "ETSpy StackReg")
            true = moved_series(kind, range_deg, noise, 0) if ours or theirs else None
            if ours and true is not None:
                add((*key, "mwgan"), by_mwgan(kind, true))
            if theirs and true is not None:
                missing[key] = true
            if place == 0 and kind in CLOSED:
                for off_deg in TILTS_OFF_DEG:
                    if not done(f"{kind}, tilts {off_deg:g} off", *key[1:], "mwgan"):
                        add((f"{kind}, tilts {off_deg:g} off", *key[1:], "mwgan"), tilts(kind, off_deg))
            if place == 0 and not done(f"{kind}, aligned", *key[1:], "mwgan"):
                add((f"{kind}, aligned", *key[1:], "mwgan"), still(kind))
    for key, by_method in zip(missing, by_etspy(options.etspy, list(missing.values())) if missing else [], strict=True):
        for method, row in by_method.items():
            add((*key, method), row)


if __name__ == "__main__":
    main()
