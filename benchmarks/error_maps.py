"""Which map predicts the errors of a tomogram by `auto` best? Rank correlations of maps with the error, inside specimens.

    python benchmarks/error_maps.py --brain ../data/brain --dogs ../data/dogs

24 images of a kind unseen in training, 64 pixels, tilts of 3 degrees. The bound is the error itself, root mean square over the 24
pixels around each: the best possible map without knowledge of single pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from fine_tuning import SIZE, image_arguments, images
from machine import describe, provenance, write_csv
from scipy.ndimage import convolve, gaussian_gradient_magnitude
from torch import Tensor

from mwgan.acquisition import GaussianNoise
from mwgan.data import ImageSource, PhantomFaces, RandomShapes
from mwgan.evaluation import Conditions
from mwgan.recon import Auto
from mwgan.trust.calibration import rank_correlation
from mwgan.trust.disagreement import Disagreement
from mwgan.trust.uncertainty import contrast

IMAGES, STEP_DEG, SEED = 24, 3.0, 0
CASES = ((2.0, 30.0), (2.0, 60.0), (2.0, 80.0), (0.5, 60.0), (5.0, 60.0))  # noise in percent, wedge in degrees
SPECIMEN = 0.02  # of the contrast: darker pixels are air
EDGE = 0.1  # displacement of edges in pixels, in the map of both
AROUND = np.ones((1, 1, 5, 5)) / 24
AROUND[..., 2, 2] = 0


def main() -> None:
    parser = image_arguments(__doc__.splitlines()[0], "error_maps.csv")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    columns = provenance(("mwgan", "torch"))
    uncertainty, rows = Disagreement(Auto()), []
    for name, source in all_images(options.brain, options.dogs):
        for percent, wedge in CASES:
            case = Conditions(STEP_DEG, [wedge], GaussianNoise(percent), seed=SEED).measure(source, range(IMAGES), wedge, "cpu")
            tomogram, deviation = uncertainty(case.given.only_measured())
            assert case.truth is not None
            row = {"source": name, "noise_percent": percent, "wedge_deg": wedge, "images": IMAGES, "seed": SEED}
            rows.append({**row, **correlations(tomogram, deviation, case.truth), **columns})
            print({key: value for key, value in rows[-1].items() if key not in columns}, flush=True)
    print(describe(columns))
    write_csv(options.csv, rows)


def all_images(brain: Path | None, dogs: Path | None) -> Iterator[tuple[str, ImageSource]]:
    """Sources by name."""
    yield "faces", PhantomFaces(SIZE, IMAGES, offset=700_000)
    yield "shapes", RandomShapes(SIZE, IMAGES, offset=700_000)
    yield from images(brain, dogs, IMAGES)


def correlations(tomogram: Tensor, deviation: Tensor, truth: Tensor) -> dict[str, str]:
    """Spearman's rank correlation of the error with each map, mean over the images."""
    error, bright = (tomogram - truth).numpy(), contrast(tomogram).numpy()
    gradient = np.stack([gaussian_gradient_magnitude(one[0], 0.7)[None] for one in tomogram.numpy()])
    maps = {
        "disagreement": deviation.numpy(),
        "gradient": gradient,
        "both": np.hypot(deviation.numpy(), EDGE * gradient),
        "bound": np.sqrt(convolve(error**2, AROUND, mode="nearest")),
    }
    inside = tomogram.numpy() > SPECIMEN * bright
    return {name: f"{np.nanmean([_of_one(*one) for one in zip(error, values, inside, strict=True)]):.3f}" for name, values in maps.items()}


def _of_one(error: np.ndarray, values: np.ndarray, inside: np.ndarray) -> float:
    return float(rank_correlation(torch.from_numpy(error[inside][None]), torch.from_numpy(values[inside][None])))


if __name__ == "__main__":
    main()
