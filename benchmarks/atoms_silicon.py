"""Atoms of an amorphous silicon particle, from a series that others simulated by multislice: fewer and fewer tilts, and half the dose.

    python benchmarks/atoms_silicon.py FOLDER

FOLDER holds three files of the data that go with Liao, Sha, O'Leary, Zhong, Yang and Miao, "Methods for accurate determination of the 3D
atomic structure of amorphous materials" (2026; repository AET-pAET/Supplementary-Data-Codes, NP1_aSi_208), which state no licence: the
series at a dose of 1.6e4, its tilts and the true positions.
"""

from __future__ import annotations

import csv
import itertools
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from machine import arguments, provenance, write_csv
from torch import Tensor

from mwgan.atoms.matching import match_atoms
from mwgan.atoms.series import AtomOptions, find_atoms
from mwgan.geometry import TiltGeometry

DOSES = (1, 0.5)
VOXEL, BACKGROUND = 0.195, 1.0  # ångström; counts that a pixel beside the particle has on average
METHODS = {
    "sirt": AtomOptions("sirt", sharpen=False, refined=False),
    "sirt_refined": AtomOptions("sirt", sharpen=False),
    "sharpened_refined": AtomOptions(),
}


@dataclass(frozen=True)
class Counted:
    """The series as find_atoms takes it."""

    images: Tensor
    geometry: TiltGeometry
    path: Path
    voxel_sizes_angstrom: tuple[float, float, float] = (VOXEL, VOXEL, VOXEL)

    @property
    def slices(self) -> int:
        return int(self.images.shape[1])

    def sinograms(self, start: int, stop: int) -> Tensor:
        return self.images[:, start:stop].permute(1, 0, 2).unsqueeze(1).contiguous()


def at_dose(series: Counted, share: float) -> Counted:
    """As if a share of the electrons had come: each that was counted is kept with that probability."""
    if share == 1:
        return series
    counts = np.round(series.images.numpy() + BACKGROUND).astype(int)
    kept = np.random.default_rng(0).binomial(counts, share).astype(np.float32)
    return replace(series, images=torch.from_numpy(kept - np.float32(share * BACKGROUND)))


def opened(folder: Path, missing_deg: float) -> tuple[Counted, np.ndarray]:
    """The series without the tilts nearest to 90 degrees, and the true positions (K, 3)."""
    from scipy.io import loadmat

    pixels = loadmat(folder / "aSi_2nmFosCetr_Dose1p6e4_cov35pm_ForBM3D.mat")["Trunc_projections_forBM3D"]
    tilts = loadmat(folder / "Si_Angle.mat")["Angle"][:, 1].astype(float)
    behind = tilts >= 90
    images = pixels.transpose(2, 1, 0).astype(np.float32) - BACKGROUND  # (tilt, along the axis, detector)
    images[behind] = images[behind][:, :, ::-1]
    tilts = np.where(behind, tilts - 180, tilts)
    order = [place for place in np.argsort(tilts) if abs(tilts[place]) < 90 - missing_deg / 2 or missing_deg == 0]
    lines = (folder / "aSi_208atoms_GT.txt").read_text().splitlines()[2:]
    true = np.array([[float(one) for one in line.split()[1:4]] for line in lines])[:, [1, 0, 2]]
    geometry = TiltGeometry(tuple(tilts[order].tolist()), images.shape[2])
    return Counted(torch.from_numpy(images[order].copy()), geometry, folder), true


def main() -> None:
    parser = arguments("Atoms of amorphous silicon.", "atoms_silicon.csv")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows = list(csv.DictReader(options.csv.open())) if options.csv.exists() else []
    done = {(str(row["dose_share"]), str(row["missing_deg"]), row["method"]) for row in rows}
    for share, missing in itertools.product(DOSES, (0, 40, 60)):
        whole, true = opened(options.folder, missing)
        series = at_dose(whole, share)
        for method, wanted in METHODS.items():
            if (str(share), str(missing), method) in done:
                continue
            started = time.process_time()
            found = find_atoms(series, replace(wanted, fits_images=True))
            centred = found.positions - found.positions.mean(axis=0) + true.mean(axis=0)
            judgement = max((match_atoms(one, true) for one in (centred, found.positions)), key=lambda one: (one.found, -one.rmsd_pm))
            floor = 100 * float(np.sqrt((found.uncertainties**2).sum(axis=1).mean()))
            numbers = {"found": judgement.found, "missed": judgement.missed, "invented": judgement.invented}
            numbers |= {"rmsd_pm": round(judgement.rmsd_pm, 2), "floor_pm": round(floor, 2), "misfit": round(found.misfit, 4)}
            seconds = round(time.process_time() - started, 1)
            key = {"dose_share": share, "missing_deg": missing, "tilts": series.geometry.tilts, "method": method}
            rows.append({**key, **numbers, "cpu_seconds": seconds, **provenance(("torch", "mwgan"))})
            write_csv(options.csv, rows)
            print(*key.values(), numbers, seconds, flush=True)


if __name__ == "__main__":
    main()
