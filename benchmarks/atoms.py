"""Atoms found in simulated tilt series whose truth is known: by WBP, by SIRT and by networks, and refined from there; and what is made up.

    python benchmarks/atoms.py                # minutes: particles of 306 atoms, one of each
    python benchmarks/atoms.py --scale full   # of 799 atoms, three orientations of each: an hour and a half on one core

Gold truncated octahedra with 8 vacancies, voxels of 0.3 Å, a tilt step of 3 degrees; exact projections. Noise is in percent of the
largest line integral. Rows that are in the table already are not made again.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from machine import arguments, provenance, write_csv
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation
from torch import Tensor

from mwgan.atoms.found import FoundAtoms
from mwgan.atoms.matching import match_atoms
from mwgan.atoms.reflections import compare_reflections, family, of_atoms, of_volume
from mwgan.atoms.series import AtomOptions, find_atoms
from mwgan.atoms.shells import shells
from mwgan.atoms.structure import faults
from mwgan.data.nanocrystals import Particle
from mwgan.data.nanocrystals.amorphous import amorphous
from mwgan.data.nanocrystals.crystals import crystal
from mwgan.data.nanocrystals.defects import add_disorder, add_fault, add_vacancies, substitute_atoms
from mwgan.errors import InputError
from mwgan.geometry import TiltGeometry
from mwgan.recon import ShowAtoms

STEP = 3.0
DIAMETERS, SIZES = {"smoke": 22.9, "full": 31.2}, {"smoke": 96, "full": 128}  # 314 and 807 sites
VOXELS = {"smoke": 0.3, "full": 0.3}
METHODS = {
    "wbp": AtomOptions("wbp", sharpen=False, refined=False),
    "sirt": AtomOptions("sirt", sharpen=False, refined=False),
    "sirt_refined": AtomOptions("sirt", sharpen=False),
    "sharpened": AtomOptions("sirt", refined=False),
    "sharpened_refined": AtomOptions("sirt"),
    "network": AtomOptions("atoms", refined=False),
    "network_alone": AtomOptions("atoms", sharpen=False),
    "network_refined": AtomOptions("atoms"),
}
Make = Callable[[float, np.random.Generator], Particle]


def gold(diameter: float, rng: np.random.Generator) -> Particle:
    """With 8 vacancies."""
    return add_vacancies(crystal("truncated", "Au", diameter, rng), 8, rng)


def alloy(diameter: float, rng: np.random.Generator) -> Particle:
    """A third of it silver, disordered."""
    return add_disorder(substitute_atoms(gold(diameter, rng), 1 / 3, "Ag", rng), 0.1, rng)


def perforated(diameter: float, rng: np.random.Generator) -> Particle:
    """That lacks one atom in twenty."""
    whole = crystal("truncated", "Au", diameter, rng)
    return add_vacancies(whole, len(whole) // 20, rng)


def other_lattice(diameter: float, rng: np.random.Generator) -> Particle:
    """Whose edge of the cell is 4 % longer."""
    return add_vacancies(crystal("truncated", "Au", diameter, rng, 4.24), 8, rng)


def twin(diameter: float, rng: np.random.Generator) -> Particle:
    """Mirrored at a plane near its middle."""
    return add_vacancies(add_fault(crystal("truncated", "Au", diameter, rng), "twin", rng), 8, rng)


def disorderly(diameter: float, rng: np.random.Generator) -> Particle:
    """Amorphous gold."""
    return amorphous("Au", 0.93 * diameter, rng)


@dataclass(frozen=True)
class Setting:
    """What is measured, and how."""

    name: str
    sigma: float
    wedge: float
    noise: float
    particle: Make = gold
    shift: float = 0.0
    species: tuple[int, ...] = ()


SETTINGS = [
    Setting("easy", 0.55, 60, 2),
    Setting("overlap", 0.8, 80, 5),
    Setting("noise", 0.55, 60, 30),
    Setting("combination", 0.8, 60, 10, alloy, 0.3, (47, 79)),
    Setting("volume 5 %", 0.55, 60, 5),
    Setting("volume 10 %", 0.55, 60, 10),
    Setting("sharp, wedge 60", 0.4, 60, 2),
    Setting("sharp, wedge 80", 0.4, 80, 2),
    Setting("null: amorphous", 0.55, 60, 5, disorderly),
    Setting("null: vacancies", 0.55, 60, 5, perforated),
    Setting("null: lattice", 0.4, 60, 2, other_lattice),
    Setting("null: twin", 0.55, 60, 5, twin),
]


@dataclass(frozen=True)
class Measured:
    """A series, and its truth."""

    particle: Particle
    geometry: TiltGeometry
    images: Tensor
    voxel: float
    path: Path = Path("simulated")

    @property
    def voxel_sizes_angstrom(self) -> tuple[float, float, float]:
        return (self.voxel, self.voxel, self.voxel)

    @property
    def slices(self) -> int:
        return int(self.images.shape[1])

    def sinograms(self, start: int, stop: int) -> Tensor:
        return self.images[:, start:stop].permute(1, 0, 2).unsqueeze(1).contiguous()


def measured(setting: Setting, seed: int, scale: str, turn: np.ndarray | None = None) -> Measured:
    """Another orientation, unless one is given, other vacancies, other noise for each seed."""
    rng, size, voxel = np.random.default_rng(seed), SIZES[scale], VOXELS[scale]
    turn = Rotation.random(random_state=np.random.RandomState(seed)).as_matrix() if turn is None else turn
    particle = setting.particle(DIAMETERS[scale], rng).moved(turn)
    reach = int(np.ceil((90 - setting.wedge / 2) / STEP - 1e-9)) - 1
    geometry = TiltGeometry(tuple(STEP * np.arange(-reach, reach + 1)), size)
    shifts = rng.normal(0, setting.shift, (geometry.tilts, 2))
    images = particle.projections(geometry, size, voxel, setting.sigma, shifts)
    noisy = images + rng.normal(0, setting.noise / 100 * float(images.max()), images.shape)
    return Measured(particle, geometry, torch.from_numpy(noisy).float(), voxel)


def compare(setting: Setting, series: Measured, found: FoundAtoms, method: str) -> dict[str, object]:
    """All columns of a row: atoms, volume, reflections and stacking compared with the truth."""
    true, size, voxel = series.particle, series.geometry.detector_size, series.voxel
    low, high = series.geometry.tilt_deg[0] - STEP / 2, series.geometry.tilt_deg[-1] + STEP / 2
    judgement = match_atoms(found.positions, true.positions, found.numbers, true.numbers, true.vacancies)
    row: dict[str, object] = {"atoms": len(true), **judgement.as_row()}
    refined = found.floor is not None
    row["floor_pm"] = 100 * float(np.sqrt((found.uncertainties**2).sum(axis=1).mean()))
    row["misfit"], row["width_angstrom"] = found.misfit, found.width_angstrom if refined else float("nan")
    truth = true.volume(size, size, voxel, setting.sigma)
    shift = np.array(judgement.shift_angstrom)
    volume = shown(setting, series, found, method)
    volume = shifted(volume, -shift / voxel) if refined and judgement.found else volume
    row["nrmse"] = _nrmse(volume, truth)
    curves = shells(volume, truth, voxel, low, high)
    row["fsc_inside_angstrom"], row["fsc_outside_angstrom"] = (curves.resolution_angstrom(inside) for inside in (True, False))
    cell = true.cell if true.cell is not None else 4.078 * np.eye(3)
    waves = family((4, 4, 0), cell)
    blur = np.exp(-2 * (np.pi * setting.sigma) ** 2 * (waves**2).sum(axis=1))
    of_truth = of_atoms(true.positions, true.masses(), waves) * blur
    ours = of_atoms(found.positions - shift, found.masses, waves) * blur if refined else of_volume(volume, voxel, waves)
    reflections = compare_reflections(ours, of_truth, waves, low, high)
    row |= {f"440_{name}": value for name, value in vars(reflections).items()}
    hexagonal = faults(found.positions - shift, true.positions)
    return row | {f"hcp_{name}": value for name, value in hexagonal._asdict().items()}


def shown(setting: Setting, series: Measured, found: FoundAtoms, method: str) -> np.ndarray:
    """The volume of the refined atoms, or that which was traced, a network's narrow Gaussians as wide as the atoms are."""
    if found.floor is not None:
        return found.rendered()
    wider = (setting.sigma / series.voxel) ** 2 - ShowAtoms().target_width ** 2
    return gaussian_filter(found.volume, np.sqrt(max(wider, 0.0))) if method == "network" else found.volume


def shifted(volume: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Moved by (x, y, z) voxels."""
    from scipy.ndimage import fourier_shift

    moved: np.ndarray = np.fft.ifftn(fourier_shift(np.fft.fftn(volume), by[[1, 2, 0]])).real
    return moved.astype(np.float32)


def _nrmse(volume: np.ndarray, truth: np.ndarray) -> float:
    """Of the volume scaled to fit best: WBP's has another gain."""
    scale = float((volume * truth).sum() / max((volume.astype(float) ** 2).sum(), 1e-30))
    return float(np.linalg.norm(scale * volume - truth) / np.linalg.norm(truth))


def main() -> None:
    parser = arguments("Atoms found in simulated series.", "atoms.csv")
    parser.add_argument("--scale", choices=SIZES, default="smoke")
    parser.add_argument("--seeds", type=int, help="orientations of each; 1 of smoke, 3 of full")
    parser.add_argument("--settings", help="some of them, by their names, separated by semicolons")
    parser.add_argument("--methods", default=",".join(METHODS))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows = list(csv.DictReader(options.csv.open())) if options.csv.exists() else []
    names = ("scale", "setting", "seed", "method")
    done = {tuple(str(row[name]) for name in names) for row in rows}
    chosen = [one for one in SETTINGS if options.settings is None or one.name in options.settings.split(";")]
    for seed in range(options.seeds or (1 if options.scale == "smoke" else 3)):
        for setting in chosen:
            lacking = [one for one in options.methods.split(",") if (options.scale, setting.name, str(seed), one) not in done]
            series = measured(setting, seed, options.scale) if lacking else None
            for method in lacking:
                assert series is not None
                started = time.process_time()
                try:
                    found = find_atoms(series, replace(METHODS[method], species=setting.species))
                except InputError as error:
                    print(setting.name, seed, method, error, flush=True)
                    continue
                seconds = round(time.process_time() - started, 1)
                conditions = {"sigma_angstrom": setting.sigma, "wedge_deg": setting.wedge, "noise_percent": setting.noise}
                key = dict(zip(names, (options.scale, setting.name, seed, method), strict=True))
                rounded = {
                    name: float(f"{value:.5g}") if isinstance(value, float) else value
                    for name, value in compare(setting, series, found, method).items()
                }
                rows.append({**key, **conditions, **rounded, "cpu_seconds": seconds, **provenance(("torch", "ase", "mwgan"))})
                write_csv(options.csv, rows)
                brief = (
                    "missed",
                    "invented",
                    "rmsd_pm",
                    "floor_pm",
                    "species",
                    "seen",
                    "vacancies",
                    "holes",
                    "nrmse",
                    "fsc_inside_angstrom",
                )
                print(*key.values(), {name: rounded[name] for name in brief}, seconds, flush=True)


if __name__ == "__main__":
    main()
