"""``mwgan simulate``: a tilt series with a known truth, to try methods and settings on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import torch
from torch import Tensor

from mwgan.acquisition import GaussianNoise, Noise, PoissonNoise
from mwgan.data import Challenge, DeadLeaves, PhantomFaces, RandomShapes, Specimens
from mwgan.data.source import draw_seed
from mwgan.data.specimens import KINDS
from mwgan.errors import InputError
from mwgan.files.atomic import AtomicFiles
from mwgan.geometry import TiltGeometry, check_count
from mwgan.io import VolumeWriter
from mwgan.io.xyz import write_xyz
from mwgan.memory import check_fits
from mwgan.operators import projector_for
from mwgan.series.simulated_atoms import SPECIMEN as ATOMS
from mwgan.series.simulated_atoms import VOXEL_ANGSTROM, measured_atoms, places_in_volume

FLOAT32 = 4  # bytes
HELD_BACK = 10_000_002  # image numbers from here on are never used in training; a multiple of six, for the kinds of the challenge
SUFFIXES = (".mrc", ".mrcs", ".st", ".ali")
IMAGES = {"faces": PhantomFaces, "shapes": RandomShapes, "leaves": DeadLeaves, "challenge": Challenge}
ANY = "specimens"
SPECIMENS = (*IMAGES, ANY, *KINDS, ATOMS)
FINER = 3  # sampling of a body for its projections, relative to the detector
COARSE_ANGSTROM = 10.0
AT_ONCE = 8  # finely sampled arrays in memory at a time


def simulated_files(output: Path, specimen: str = ANY) -> tuple[Path, ...]:
    """The paths of the series, its tilts, the truth and, for an atomic particle, its atoms.

    Raises
    ------
    InputError
        If the series' name isn't that of an MRC file.
    """
    if output.suffix.lower() not in SUFFIXES:
        raise InputError(f"{output} would be an MRC file: give a name that ends in {', '.join(SUFFIXES)}")
    atoms = (output.with_suffix(".truth.xyz"),) if specimen == ATOMS else ()
    return output, output.with_suffix(".tlt"), output.with_suffix(".truth.mrc"), *atoms


def simulate(
    specimen: str,
    output: Path,
    size: int,
    slices: int,
    step_deg: float,
    max_tilt_deg: float,
    noise_percent: float,
    voxel_size_angstrom: float | None,
    seed: int,
    dose: float | None = None,
    settings: Mapping[str, Any] | None = None,
) -> int:
    """Write a tilt series (MRC, tilts x slices x ``size``), its tilts and its truth atomically; return the number of tilts.

    Parameters
    ----------
    specimen
        One of :data:`SPECIMENS`, which no training has seen. With :data:`IMAGES` every slice is an independent image. All others
        are bodies in three dimensions with neighbouring slices; they are sampled :data:`FINER` times as finely as the truth
        in all directions for their projections, so that the data do not come from the reconstruction grid. Projections of an
        atomic particle are exact.
    output
        See :func:`simulated_files`.
    size, slices
        Detector pixels across the tilt axis, and along it.
    step_deg, max_tilt_deg
        Tilts are 0 and the multiples of ``step_deg`` on either side, up to ``max_tilt_deg``.
    noise_percent
        White noise, in percent of the largest line integral: of each slice for images, else of the series.
    voxel_size_angstrom
        Voxel size in the headers; None is 10 Å, or 0.35 Å for an atomic particle, which has that size.
    seed
        Random seed of specimen and noise.
    dose
        Poisson noise instead of white noise: number of electrons in the brightest pixel; the series is in electrons.
    settings
        For an atomic particle: arguments of :class:`mwgan.data.Nanocrystals`.
    """
    if specimen not in SPECIMENS:
        raise InputError(f"there is no specimen {specimen!r}: give {', '.join(SPECIMENS)}")
    if not 0 < max_tilt_deg <= 90 or not 0 < step_deg <= 90:
        raise InputError(f"the maximum tilt and the step must be in (0, 90] degrees, not {max_tilt_deg:g} and {step_deg:g}")
    check_count(2 * max_tilt_deg / step_deg, step_deg)
    if settings and specimen != ATOMS:
        raise InputError(f"only the specimen {ATOMS} has settings, {specimen} has none: leave {', '.join(settings)} out")
    if voxel_size_angstrom is None:
        voxel_size_angstrom = VOXEL_ANGSTROM if specimen == ATOMS else COARSE_ANGSTROM
    if slices < 1 or not (math.isfinite(voxel_size_angstrom) and voxel_size_angstrom > 0):
        raise InputError(f"a series has 1 slice or more and voxels above 0 Å, not {slices} and {voxel_size_angstrom:g}")
    counted = 2 * math.floor(max_tilt_deg / step_deg) + 1
    fine = 0.0 if specimen in IMAGES or specimen == ATOMS else AT_ONCE * FINER**3 * float(size) ** 2
    needed = FLOAT32 * (slices * size * (2.0 * size + 3.0 * counted) + fine)
    check_fits(needed, f"{slices} slices of {size} pixels at {counted} tilts", "lower --size or --slices, or widen --step")
    reach = math.floor(max_tilt_deg / step_deg + 1e-9)
    tilts = [step_deg * number for number in range(-reach, reach + 1)]
    if tilts[-1] - tilts[0] >= 180.0:  # +90 is -90 seen from behind
        tilts = tilts[:-1]
    geometry = TiltGeometry(tuple(tilts), size)
    noise: Noise = GaussianNoise(noise_percent) if dose is None else _Electrons(dose)
    made = None
    if specimen == ATOMS:
        made = measured_atoms(geometry, slices, voxel_size_angstrom, seed, HELD_BACK, noise, settings or {})
        image, rows = made.truth, made.images
    else:
        measured = _images_measured if specimen in IMAGES else _body_measured
        image, rows = measured(specimen, geometry, slices, seed, noise)
    series, tilts_file, truth, *atoms = simulated_files(output, specimen)
    with AtomicFiles() as files:
        with VolumeWriter(truth, (slices, size, size), voxel_size_angstrom, files) as volume:
            volume.write(0, image.unsqueeze(1))
        files.add(tilts_file).write_text("".join(f"{tilt:g}\n" for tilt in tilts), encoding="utf-8", newline="\n")
        if made is not None:
            places = places_in_volume(made.particle, size, slices, voxel_size_angstrom)
            facts: dict[str, str | float | int] = {
                "kind": made.particle.kind,
                "sigma_angstrom": made.sigma_angstrom,
                "vacancies": len(made.particle.vacancies),
            }
            write_xyz(files.add(atoms[0]), made.particle.numbers, places, facts=facts)
        with mrcfile.new(files.add(series), rows.numpy(), overwrite=True) as written:
            written.set_image_stack()
            written.voxel_size = voxel_size_angstrom
    return len(tilts)


class _Electrons(PoissonNoise):
    """Poisson noise, in electrons."""

    def __call__(self, sinogram: Tensor, generator: torch.Generator) -> Tensor:
        counted: Tensor = super().__call__(sinogram, generator) * (self.dose_per_tilt / sinogram.amax().clamp(min=1e-30))
        return counted.round()


def _images_measured(specimen: str, geometry: TiltGeometry, slices: int, seed: int, noise: Noise) -> tuple[Tensor, Tensor]:
    """Independent images (Y, N, N), and their noisy projections (A, Y, N)."""
    size = geometry.detector_size
    source = IMAGES[specimen](size=size, count=slices, seed=seed, offset=HELD_BACK)
    seeds = [draw_seed(seed, 0, index) for index in range(slices)]
    images = torch.from_numpy(np.stack([source.image(index, np.random.default_rng(one)) for index, one in enumerate(seeds)]))
    sinograms = projector_for(geometry)(images.unsqueeze(1))[:, 0]
    noisy = [noise(rows, torch.Generator().manual_seed(one)) for rows, one in zip(sinograms, seeds, strict=True)]
    return images, torch.stack(noisy, dim=1)


def _body_measured(specimen: str, geometry: TiltGeometry, slices: int, seed: int, noise: Noise) -> tuple[Tensor, Tensor]:
    """Neighbouring slices (Y, N, N) of one body and their noisy projections (A, Y, N)."""
    kinds = None if specimen == ANY else (specimen,)
    source = Specimens(geometry.detector_size, 1, seed, HELD_BACK + seed % len(KINDS), kinds=kinds)
    rng = np.random.default_rng(seed)
    rows = torch.from_numpy(source.projections(0, rng, geometry, slices, FINER)).transpose(0, 1).contiguous()
    truth = torch.from_numpy(source.volume(0, rng, slices))
    return truth, noise(rows, torch.Generator().manual_seed(draw_seed(seed, 0, 0)))
