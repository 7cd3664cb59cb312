"""TVM compared with TomoPy's tv at an equal objective, and SART with scikit-image's and ASTRA's at an equal residual, on the CPU.

    python benchmarks/reconstruction.py

Each other library runs for a number of iterations, ours for as few as are needed to be at least as good, and both are timed in
alternating rounds. The others work slice by slice and get one slice per core; ours get a batch.

TVM: TomoPy's tv minimises the same sum, 1 / (2 n) ||A x - b||^2 + weight * TV(x), when its reg_par is weight * sqrt(2 n / N),
with n tilts of N pixels (it divides projections by sqrt(N n / 2)), except that its A is Siddon's rays and ours strips, that it
leaves a slice's last row and column out of TV, and that it has no bounds: ours runs without them too. The objective is computed
below, in numpy, both with our projections and with TomoPy's, each of which favours its own side.

SART: one pass takes every tilt once. Data and residuals, ||A x - b|| / ||b|| inside the circle, are by scikit-image's radon,
which neither side uses, at an odd size: with an even one scikit-image rotates about another point.
"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from statistics import median

import numpy as np
import numpy.typing as npt
import torch
from machine import arguments, describe, provenance, write_csv
from rich.console import Console
from rich.table import Table

from mwgan.data import PhantomFaces
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.operators import ParallelBeam
from mwgan.recon import SART, TVM, TomoPy

Array = npt.NDArray[np.float32]
Project = Callable[[Array], Array]  # slices (S, N, N) to sinograms (S, A, N)
PACKAGES = ("mwgan", "torch", "numpy", "tomopy", "scikit-image", "astra-toolbox")
SETTLE_S = 0.1  # pause before each turn: idle threads of the previous case still spin and would slow down the next
NOISE = 0.02  # of the largest line integral
MOST = 500  # iterations or passes of ours


@dataclass
class Timed:
    """A reconstruction of several slices at once, and its time per slice."""

    run: Callable[[], object]
    slices: int
    seconds: list[float] = field(default_factory=list)

    def measure(self) -> None:
        time.sleep(SETTLE_S)
        started = time.perf_counter()
        self.run()
        self.seconds.append((time.perf_counter() - started) / self.slices)


@dataclass
class Pair:
    """Another library after some iterations, and ours after as few as are at least as good."""

    method: str
    peer: str
    iterations: int
    measure: str
    ours: int | None
    """None if ``MOST`` was not enough."""
    values: tuple[float, float]
    """Theirs and ours, means over their slices."""
    timed: tuple[Timed, Timed]


def main() -> None:
    parser = arguments("Time of TVM and SART compared with other packages at equal quality.", "reconstruction.csv")
    parser.add_argument("--size", type=int, default=256, help="pixels along each side; SART takes the next odd number")
    parser.add_argument("--tilts", type=int, default=180, help="tilts over half a turn")
    parser.add_argument("--batch", type=int, default=32, help="slices in a batch")
    parser.add_argument("--weight", type=float, default=0.05, help="weight of the total variation")
    parser.add_argument("--tv-iterations", type=int, nargs="+", default=[100], help="iterations of TomoPy's tv")
    parser.add_argument("--passes", type=int, nargs="+", default=[1, 2, 3], help="passes of the other SARTs")
    parser.add_argument("--repeats", type=int, default=3, help="rounds")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    pairs: list[Pair] = []
    for make in (tvm_pairs, scikit_image_pairs, astra_pairs):
        with suppress(ImportError):
            pairs += make(options)
    timed = {id(one): one for pair in pairs if pair.ours for one in pair.timed}.values()
    for one in timed:
        one.run()  # warm-up
    for _ in range(options.repeats):
        for one in timed:
            one.measure()

    columns = provenance(PACKAGES)
    rows = [{**row, "size": options.size, "tilts": options.tilts, "batch": options.batch, **columns} for row in numbers(pairs)]
    Console().print(table(rows, options))
    print(describe(columns))
    write_csv(options.csv, rows)


def numbers(pairs: list[Pair]) -> list[dict[str, str]]:
    """Columns of the table."""
    rows = []
    for pair in pairs:
        row = {"method": pair.method, "peer": pair.peer, "measure": pair.measure, "iterations": str(pair.iterations)}
        row |= {"iterations_ours": str(pair.ours or ""), "value": f"{pair.values[0]:.5g}", "value_ours": f"{pair.values[1]:.5g}"}
        for name, timed in zip(("ms_per_slice", "ms_per_slice_ours"), pair.timed, strict=True):
            row[name] = f"{1000 * median(timed.seconds):.4g}" if pair.ours else ""
            row[f"{name}_min"] = f"{1000 * min(timed.seconds):.4g}" if pair.ours else ""
        ratio = median(pair.timed[0].seconds) / median(pair.timed[1].seconds) if pair.ours else None
        rows.append({**row, "ratio": f"{ratio:.1f}" if ratio else "not reached"})
    found = {row["peer"] for row in rows}
    for method, peer in (("TVM", "TomoPy"), ("SART", "scikit-image"), ("SART", "ASTRA")):
        if peer not in found:
            blank = dict.fromkeys(rows[0] if rows else (), "")
            rows.append({**blank, "method": method, "peer": peer, "ratio": "not installed"})
    return rows


def table(rows: list[dict[str, object]], options: Namespace) -> Table:
    title = f"{options.size} x {options.size}, {options.tilts} tilts, batch {options.batch}, {options.repeats} rounds"
    shown = Table(title=title, caption="iterations or passes, what is equal, ms a slice (medians): the peer's and ours; ratio of the times")
    names = {"peer": "peer", "measure": "equal in", "iterations": "its", "iterations_ours": "ours"}
    names |= {"value": "value", "value_ours": "ours", "ms_per_slice": "ms", "ms_per_slice_ours": "ours", "ratio": "ratio"}
    for name, title in names.items():
        shown.add_column(title, justify="left" if name in ("peer", "measure") else "right")
    for row in rows:
        shown.add_row(*(str(row.get(name, "")) for name in names))
    return shown


def tvm_pairs(options: Namespace) -> Iterable[Pair]:
    """TVM after as few iterations as reach the objective of TomoPy's tv, both without bounds."""
    import tomopy

    geometry = TiltGeometry.full(options.size, 180 / options.tilts)
    strips = by_strips(geometry)
    tilt, axis = np.deg2rad(np.asarray(geometry.tilt_deg)), geometry.detector_size / 2

    def rays(slices: Array) -> Array:
        return np.asarray(tomopy.project(slices, tilt, center=axis, pad=False, sinogram_order=True, ncore=options.threads))

    sinogram = noisy(strips(faces(options.size, options.batch)))
    few = sinogram[: options.threads]
    reg_par = options.weight * (2 * geometry.tilts / options.size) ** 0.5

    def run_ours(count: int, given: Array) -> Array:
        method = TVM(options.weight, count, (None, None), convergence=0)
        return method(measured(given, geometry))[:, 0].contiguous().numpy()

    pairs = []
    for iterations in options.tv_iterations:
        peer = TomoPy("tv", {"num_iter": iterations, "reg_par": reg_par}, options.threads)
        theirs = peer(measured(few, geometry))[:, 0].numpy()
        timed = Timed(partial(peer, measured(few, geometry)), len(few))
        for name, project in {"objective, strips": strips, "objective, rays": rays}.items():
            value = partial(objective, sinogram=few, project=project, weight=options.weight)
            pairs.append(equal_pair("TVM", "TomoPy", iterations, name, value, theirs, timed, run_ours, sinogram))
    return pairs


def objective(tomogram: Array, sinogram: Array, project: Project, weight: float) -> npt.NDArray[np.float64]:
    """TVM's objective, (S,), for tomograms (S, N, N) of sinograms (S, A, N)."""
    misfit = project(tomogram).astype(float) - sinogram
    down, right = np.zeros((2, *tomogram.shape))
    down[:, :-1] = tomogram[:, 1:] - tomogram[:, :-1]
    right[:, :, :-1] = tomogram[:, :, 1:] - tomogram[:, :, :-1]
    variation = np.sqrt(down**2 + right**2).sum(axis=(1, 2))
    return np.asarray((misfit**2).sum(axis=(1, 2)) / (2 * sinogram.shape[1]) + weight * variation)


def scikit_image_pairs(options: Namespace) -> Iterable[Pair]:
    from skimage.transform import iradon_sart

    def run(sinogram: Array, geometry: TiltGeometry, passes: int) -> Array:
        tomogram = None
        for _ in range(passes):
            tomogram = iradon_sart(sinogram.T, np.asarray(geometry.tilt_deg), image=tomogram)
        return np.asarray(tomogram)

    return sart_pairs("scikit-image", run, options)


def astra_pairs(options: Namespace) -> Iterable[Pair]:
    """ASTRA's SART on the CPU with rays of linear interpolation, its fastest model; tilts in random order."""
    import astra

    def run(sinogram: Array, geometry: TiltGeometry, passes: int) -> Array:
        tilt = np.deg2rad(np.asarray(geometry.tilt_deg))
        still = np.zeros_like(tilt)
        vectors = np.stack([np.sin(tilt), -np.cos(tilt), still, still, np.cos(tilt), np.sin(tilt)], axis=1)
        beam = astra.create_proj_geom("parallel_vec", geometry.detector_size, vectors)
        volume = astra.create_vol_geom(geometry.detector_size, geometry.detector_size)
        projector = astra.create_projector("linear", beam, volume)
        data, image = astra.data2d.create("-sino", beam, sinogram), astra.data2d.create("-vol", volume, 0.0)
        algorithm = astra.algorithm.create(
            {
                **astra.astra_dict("SART"),
                "ProjectorId": projector,
                "ProjectionDataId": data,
                "ReconstructionDataId": image,
                "option": {"ProjectionOrder": "random"},
            }
        )
        astra.algorithm.run(algorithm, passes * geometry.tilts)
        tomogram = astra.data2d.get(image)
        astra.algorithm.delete(algorithm)
        astra.data2d.delete([data, image])
        astra.projector.delete(projector)
        return np.asarray(tomogram)

    return sart_pairs("ASTRA", run, options)


def sart_pairs(peer: str, run: Callable[[Array, TiltGeometry, int], Array], options: Namespace) -> Iterable[Pair]:
    """SART after as few passes as reach the same residual, with its defaults except for the bound, which the others don't have."""
    from skimage.transform import radon

    geometry = TiltGeometry.full(options.size | 1, 180 / options.tilts)
    centred = np.arange(geometry.detector_size) - (geometry.detector_size - 1) / 2
    circle = np.hypot(*np.meshgrid(centred, centred)) <= (geometry.detector_size - 1) / 2
    pool = ThreadPoolExecutor(options.threads)

    def project(slices: Array) -> Array:
        one = lambda image: radon(image * circle, np.asarray(geometry.tilt_deg), circle=True).T  # noqa: E731
        return np.stack(list(pool.map(one, slices))).astype(np.float32)

    sinogram = noisy(project(faces(geometry.detector_size, options.batch)))
    few = sinogram[: options.threads]
    method = SART(1, non_negative=False)

    def residual(tomogram: Array) -> npt.NDArray[np.float64]:
        return np.asarray(np.linalg.norm(project(tomogram) - few, axis=(1, 2)) / np.linalg.norm(few, axis=(1, 2)))

    def run_peer(passes: int) -> Array:
        return np.stack(list(pool.map(lambda rows: run(rows, geometry, passes), few)))

    def run_ours(passes: int, given: Array) -> Array:
        method.iterations = passes
        return method(measured(given, geometry))[:, 0].contiguous().numpy()

    pairs = []
    for passes in options.passes:
        timed = Timed(partial(run_peer, passes), len(few))
        pairs.append(equal_pair("SART", peer, passes, "residual", residual, run_peer(passes), timed, run_ours, sinogram))
    return pairs


def equal_pair(
    method: str,
    peer: str,
    iterations: int,
    measure: str,
    value: Callable[[Array], npt.NDArray[np.float64]],
    theirs: Array,
    timed: Timed,
    run_ours: Callable[[int, Array], Array],
    sinogram: Array,
) -> Pair:
    """Ours, ``run_ours(iterations, sinogram)``, after as few iterations as bring every slice's value down to theirs."""
    few, reached = sinogram[: len(theirs)], value(theirs)
    count = fewest(lambda count: bool((value(run_ours(count, few)) <= reached).all()))
    own = value(run_ours(count or MOST, few))
    print(f"{peer}, {iterations}: ours has the same {measure} after {count or f'more than {MOST}'}", flush=True)
    ours = Timed(partial(run_ours, count or MOST, sinogram), len(sinogram))
    return Pair(method, peer, iterations, measure, count, (float(reached.mean()), float(own.mean())), (timed, ours))


def fewest(enough: Callable[[int], bool]) -> int | None:
    """The smallest sufficient number up to ``MOST``; None if ``MOST`` is not enough."""
    high = 1
    while not enough(high):
        if high >= MOST:
            return None
        high = min(2 * high, MOST)
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def by_strips(geometry: TiltGeometry) -> Project:
    projector = ParallelBeam(geometry)
    return lambda slices: projector(torch.from_numpy(np.ascontiguousarray(slices))[:, None])[:, 0].contiguous().numpy()


def faces(size: int, count: int) -> Array:
    source = PhantomFaces(size=size, count=count)
    return np.stack([source.image(index, np.random.default_rng(index)) for index in range(count)]).astype(np.float32)


def noisy(sinogram: Array) -> Array:
    noise = np.random.default_rng(0).standard_normal(sinogram.shape) * NOISE * sinogram.max(axis=(1, 2), keepdims=True)
    return (sinogram + noise).astype(np.float32)


def measured(sinogram: Array, geometry: TiltGeometry) -> Measurement:
    return Measurement(torch.from_numpy(sinogram)[:, None], geometry.measured(), geometry)


if __name__ == "__main__":
    main()
