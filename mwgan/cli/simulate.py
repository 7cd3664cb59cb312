"""What ``mwgan simulate`` does: a tilt series whose truth is known, to try methods and settings on."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import mrcfile
import numpy as np
import torch

from mwgan.acquisition import Acquisition, GaussianNoise
from mwgan.data import Challenge, DeadLeaves, ImageSource, PhantomFaces, RandomShapes
from mwgan.data.source import draw_seed
from mwgan.errors import InputError
from mwgan.io import VolumeWriter
from mwgan.paths import written_whole

SPECIMENS = {"faces": PhantomFaces, "shapes": RandomShapes, "leaves": DeadLeaves, "challenge": Challenge}


def simulated_files(output: Path) -> tuple[Path, Path, Path]:
    """Where the series, its tilts and the truth go."""
    stem = output.name.removesuffix(".mrc")
    return output, output.with_name(f"{stem}.tlt"), output.with_name(f"{stem}.truth.mrc")


def simulate(
    specimen: str,
    output: Path,
    size: int,
    slices: int,
    step_deg: float,
    max_tilt_deg: float,
    noise_percent: float,
    voxel_size_angstrom: float,
    seed: int,
) -> int:
    """Write a tilt series (MRC, tilts x slices x ``size``), its tilts and its truth, all or none; how many tilts it has.

    Parameters
    ----------
    specimen
        One of :data:`SPECIMENS`; each slice is another image of it.
    output
        See :func:`simulated_files`.
    size, slices
        Detector pixels across the tilt axis, and along it.
    step_deg, max_tilt_deg
        Tilts lie ``step_deg`` apart, within ``max_tilt_deg`` of 0 on either side.
    noise_percent
        White noise, in percent of a slice's largest line integral.
    voxel_size_angstrom
        What the headers say of a voxel's edge.
    seed
        Decides specimen and noise.
    """
    if specimen not in SPECIMENS:
        raise InputError(f"there is no specimen {specimen!r}: give {', '.join(SPECIMENS)}")
    if not 0 < max_tilt_deg <= 90 or not 0 < step_deg <= 90:
        raise InputError(f"tilts reach up to a maximum in (0, 90] degrees in steps in (0, 90], not {max_tilt_deg:g} and {step_deg:g}")
    if slices < 1:
        raise InputError(f"a series has 1 slice or more, not {slices}")
    source: ImageSource = SPECIMENS[specimen](size=size, count=slices, seed=seed)
    seeds = [draw_seed(seed, 0, index) for index in range(slices)]
    image = torch.from_numpy(np.stack([source.image(index, np.random.default_rng(one)) for index, one in enumerate(seeds)]))[:, None]
    measurement = Acquisition(size, step_deg, (0.0, 0.0), GaussianNoise(noise_percent))(image, torch.tensor(seeds))
    tilts = [tilt for tilt in measurement.geometry.tilt_deg if abs(tilt) <= max_tilt_deg + 1e-9]
    kept = [measurement.geometry.tilt_deg.index(tilt) for tilt in tilts]
    if not kept:
        raise InputError(f"no tilt of a grid of {step_deg:g} degrees lies within {max_tilt_deg:g} of 0: take a finer step")
    rows = measurement.sinogram[:, 0, kept].transpose(0, 1).contiguous().numpy()
    series, tilts_file, truth = simulated_files(output)
    with ExitStack() as files:
        volume = files.enter_context(VolumeWriter(truth, (slices, size, size), voxel_size_angstrom))
        series_partial, tilts_partial = (files.enter_context(written_whole(path)) for path in (series, tilts_file))
        volume.write(0, image)
        tilts_partial.write_text("".join(f"{tilt:g}\n" for tilt in tilts))
        with mrcfile.new(series_partial, rows, overwrite=True) as written:
            written.set_image_stack()
            written.voxel_size = voxel_size_angstrom
    return len(tilts)
