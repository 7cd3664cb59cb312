"""The published wedge sweep for any method, on the same images, noise and wedges as the recorded rows, and compared with them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from mwgan.acquisition import GaussianNoise
from mwgan.configuration import build
from mwgan.data.source import ImageSource, as_source
from mwgan.errors import InputError
from mwgan.evaluation.evaluate import Conditions, Method, evaluate
from mwgan.evaluation.unseen import check_unseen
from mwgan.geometry import Measurement
from mwgan.paths import PACKAGE
from mwgan.provenance import commit, device_name
from mwgan.recon import LearnedReconstructor
from mwgan.recon.named import check_device
from mwgan.results.reading import training_of
from mwgan.results.table import ResultsTable, check_conditions, claimed_table, table_path

RECORDED = PACKAGE / "evaluation" / "recorded"  # made by benchmarks/recorded_means.py
DRAWN = ("faces", "shapes")
BY = ["source", "noise_percent", "wedge_deg"]
METRICS = ["psnr", "ssim", "nrmse", "residual", "residual_of_truth", "frc_inside", "frc_outside"]
WEDGES_DEG = (20.0, 30.0, 45.0, 60.0, 70.0, 80.0)
NOISE_PERCENT = (0.0, 2.0, 5.0)
IMAGES = 24


def benchmark(
    reconstructor: Callable[[Measurement], Tensor],
    name: str = "this method",
    sources: Sequence[str] | None = None,
    wedges_deg: Sequence[float] = WEDGES_DEG,
    noise_percent: Sequence[float] = NOISE_PERCENT,
    images: int = IMAGES,
    device: str = "cpu",
    batch_size: int = 24,
    table: str | Path | None = None,
    data: str | Path | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> pd.DataFrame:
    """Run a method over the published wedge sweep (``experiments/beyond/wedge_sweep``), next to the recorded results of ours.

    64 pixels, tilts every 3 degrees, 24 images per source. Images, noise and seeds are those of the recorded rows, on any device.
    TVM's rows are from an earlier solver that stopped farther from the minimum than the current one, by 0 to 0.6 dB.

    Parameters
    ----------
    reconstructor
        Maps a :class:`~mwgan.geometry.Measurement` to tomograms (B, 1, N, N): a method of :mod:`mwgan.recon`, a function, or a
        wrapper of another library's model. :func:`mwgan.recon.from_arrays` makes one from functions of numpy arrays.
    name
        Name in the table.
    sources
        Some of ``faces`` and ``shapes``, which are synthetic, and ``brain``, ``ct`` and ``dogs``, which are scans and photographs
        in folders of these names in ``data``. None takes the synthetic ones and the others whose recorded images are available.
    wedges_deg, noise_percent
        Some of those recorded: wedges of 20, 30, 45, 60, 70 and 80 degrees; 0, 2 and 5 % of noise.
    images
        How many of the 24, from the first. The recorded rows are means over all of them.
    device
        Where the method computes.
    batch_size
        Slices per call.
    table
        A results table, without suffix, for a row per image. Existing rows are not computed again: an interrupted
        benchmark resumes there.
    data
        Folder of scans and photographs; by default that of the environment variable ``MWGAN_DATA``, or ``data``.
    progress
        Called with each source, noise and wedge as it starts.

    Returns
    -------
    Means in a row per source, noise, wedge and method, the best PSNR first: ``source``, ``noise_percent``, ``wedge_deg``,
    ``method``, ``recorded`` (False for the given method), ``data_consistency`` (for recorded methods, corrected by the data),
    ``images`` and the metrics.

    Raises
    ------
    InputError
        If there is no such source, wedge or noise in the recorded sweep, its images are missing or are not those recorded,
        the network was trained on them, or the method returns no finite tomograms (B, 1, N, N).
    """
    check_device(device)
    wedges_deg = _check_recorded("wedges_deg", wedges_deg, WEDGES_DEG)
    noise_percent = _check_recorded("noise_percent", noise_percent, NOISE_PERCENT)
    if not 1 <= images <= IMAGES or batch_size < 1:
        raise InputError(f"the sweep has {IMAGES} images per source: give images from 1 to {IMAGES} and a batch_size of 1 or more")
    folder = Path(data or os.environ.get("MWGAN_DATA", "data"))
    tests = _tests(sources, folder, progress)
    recorded = _conditions()
    method = _method(reconstructor, name, device)
    check_unseen(name, method.trained_on, list(tests))
    provenance = {"commit": commit(), "device": device_name(device)}
    with _filled(table, {key: recorded[key] for key in ("step_deg", "tests")}) as results:
        for source in tests:
            for percent in noise_percent:
                conditions = Conditions(float(recorded["step_deg"]), wedges_deg, GaussianNoise(percent), seed=int(recorded["seed"]))
                report = _prefixed(progress, f"{source.name}, {percent:g} % noise")
                options: dict[str, Any] = {"images": images, "kept_images": 0, "batch_size": batch_size, "progress": report}
                evaluate([method], source, source, conditions, results, provenance, **options)
        own = results.rows[results.rows["method"] == name]
    chosen = own[own["image"] < images]
    means = chosen.groupby(BY)[METRICS].mean().reset_index()
    means = means.merge(chosen.groupby(BY).size().rename("images").reset_index()).assign(
        method=name, recorded=False, data_consistency=False
    )
    return _with_recorded(means, [source.name for source in tests], wedges_deg, noise_percent)


def recorded_means() -> pd.DataFrame:
    """The recorded results of our methods: a row per method, source, noise and wedge, means over 24 images."""
    return pd.read_csv(RECORDED / "wedge_sweep.csv")


@lru_cache(maxsize=1)
def _conditions() -> dict[str, Any]:
    """The conditions of the recorded rows: tilt step, seed, the test images and fingerprints of scans and photographs."""
    recorded: dict[str, Any] = json.loads((RECORDED / "wedge_sweep.json").read_text(encoding="utf-8"))
    return recorded


def _check_recorded(what: str, asked: Sequence[float], known: Sequence[float]) -> list[float]:
    others = [value for value in asked if float(value) not in known]
    if others or not len(asked):
        raise InputError(
            f"the recorded sweep has {what} of {', '.join(f'{value:g}' for value in known)}: give some of them, not {list(asked)}"
        )
    return list(dict.fromkeys(float(value) for value in asked))


def _tests(sources: Sequence[str] | None, folder: Path, progress: Callable[[str], None]) -> list[ImageSource]:
    """The test images of each source; scans and photographs only if they are the recorded ones."""
    known = _conditions()["tests"]
    if sources is not None:
        unknown = [name for name in sources if name not in known]
        if unknown or not sources:
            raise InputError(f"the recorded sweep has the sources {', '.join(known)}: give some of them, not {list(sources)}")
        return [_test(name, folder) for name in dict.fromkeys(sources)]
    found = [_test(name, folder) for name in DRAWN]
    for name in known:
        if name not in DRAWN and (folder / name).is_dir():
            try:
                found.append(_test(name, folder))
            except InputError as error:
                progress(f"skipping {name}: {error}")
    return found


def _test(name: str, folder: Path) -> ImageSource:
    recorded = _conditions()
    node = recorded["tests"][name]
    source: ImageSource = build(node if name in DRAWN else {**node, "folder": str(folder / name)})
    prints = [one.fingerprint for one in as_source(source).real_sources()]
    if prints and prints != [recorded["fingerprints"][name]]:
        raise InputError(
            f"the images in {folder / name} are not those of the recorded rows of {name}: leave {name} out, or "
            "compare methods on your own images by mwgan-evaluate"
        )
    return source


def _method(reconstructor: Callable[[Measurement], Tensor], name: str, device: str) -> Method:
    if not callable(reconstructor):
        raise InputError(f"a method is a callable, measurement to tomograms (B, 1, N, N); {type(reconstructor).__name__} isn't callable")
    if not name:
        raise InputError("the method needs a name for the table")
    run = _OnDevice(reconstructor, name, device)
    if not isinstance(reconstructor, LearnedReconstructor):
        return Method(name, lambda: run)
    data, stand_ins = training_of(reconstructor.record)
    return Method(name, lambda: run, train_data=data, trained_on=reconstructor.record.data or (), stand_ins=stand_ins)


class _OnDevice:
    """A method on its device, with measurements made on the CPU, so that the noise is that of the recorded rows."""

    def __init__(self, reconstructor: Callable[[Measurement], Tensor], name: str, device: str) -> None:
        self.reconstructor, self.name, self.device = reconstructor, name, device

    def __call__(self, measurement: Measurement) -> Tensor:
        sinogram, size = measurement.sinogram, measurement.geometry.detector_size
        given = measurement
        if self.device != "cpu":
            given = Measurement(sinogram.to(self.device), measurement.measured, measurement.geometry)
        found = self.reconstructor(given)
        shape = (len(sinogram), 1, size, size)
        if not isinstance(found, Tensor) or tuple(found.shape) != shape:
            returned = tuple(found.shape) if isinstance(found, Tensor) else f"a {type(found).__name__}"
            raise InputError(f"{self.name} returns {returned}, not a tensor {shape}: mwgan.testing.check_reconstructor checks in detail")
        if not bool(torch.isfinite(found).all()):
            raise InputError(f"{self.name} returns values that are not finite: mwgan.testing.check_reconstructor checks in detail")
        return found.detach().to(sinogram)


@contextmanager
def _filled(table: str | Path | None, conditions: dict[str, Any]) -> Iterator[ResultsTable]:
    """The table to fill; a temporary one if it has no name."""
    if table is None:
        with TemporaryDirectory(prefix="mwgan_benchmark_") as folder:
            yield ResultsTable(Path(folder) / "results")
        return
    path = table_path(table)
    with claimed_table(path):
        results = ResultsTable(path)
        check_conditions(path, conditions)
        yield results


def _prefixed(progress: Callable[[str], None], where: str) -> Callable[[str], None]:
    return lambda text: progress(f"{where}: {text}")


def _with_recorded(means: pd.DataFrame, sources: list[str], wedges_deg: list[float], noise_percent: list[float]) -> pd.DataFrame:
    """The means of a method and the recorded ones for the same conditions, the best PSNR of each first."""
    known = recorded_means().assign(recorded=True)
    same = known["source"].isin(sources) & known["wedge_deg"].isin(wedges_deg) & known["noise_percent"].isin(noise_percent)
    rows = pd.concat([means, known[same]], ignore_index=True)
    rank = {name: number for number, name in enumerate(sources)}
    rows = rows.assign(rank=rows["source"].map(rank)).sort_values(
        ["rank", "noise_percent", "wedge_deg", "psnr"], ascending=[True, True, True, False]
    )
    columns = [*BY, "method", "recorded", "data_consistency", "images", *METRICS]
    return rows[columns].reset_index(drop=True)
