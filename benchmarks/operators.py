"""Forward and back-projection of ParallelBeam compared with ASTRA, scikit-image and TomoPy: on the CPU, and on CUDA if available.

    python benchmarks/operators.py

All cases run in one process, alternating in rounds, so that other load on the machine affects all equally. All libraries use the same
number of threads: those that work slice by slice are run on several slices at once, and TomoPy, which shares a ray among
slices, gets the whole batch, in its own processes or in ours, whichever is faster. Results are compared with ours (relative L2, on
a smooth off-centre object, inside the inscribed circle for back-projections), since a ratio of times is meaningful only for
the same operation.
"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from machine import arguments, describe, provenance, write_csv
from rich.console import Console
from rich.table import Table
from torch import Tensor

from mwgan.callbacks.model_flops import peak_of
from mwgan.errors import InputError
from mwgan.geometry import TiltGeometry
from mwgan.operators import AstraParallelBeam, ParallelBeam
from mwgan.operators.sparse import MEAN_FOOTPRINT

Array = npt.NDArray[np.float32]
OURS = "mwgan"
TURN_S = 0.5  # time for which a case is repeated, as in real use
SETTLE_S = 0.1  # pause before each turn: idle threads of the previous case still spin and would slow down the next
PACKAGES = ("mwgan", "torch", "numpy", "numba", "astra-toolbox", "scikit-image", "tomopy")


@dataclass
class Step:
    """One direction of one case."""

    run: Callable[[Any], Any]
    """Slices (S, N, N) to sinograms (S, A, N), or the other way round."""
    slices: int
    """Number of slices per call."""
    prepare: Callable[[Array], Any] = np.asarray
    """Converts an array to the input of ``run``; not timed."""
    finish: Callable[[Any], Array] = np.asarray
    """Converts the output of ``run`` to an array; not timed."""
    peak_tflops: float | None = None
    """The device's nominal float32 peak; None if unknown."""
    seconds: list[float] = field(default_factory=list)
    difference: float = 0.0

    @property
    def ms_per_image(self) -> float:
        return 1000 * median(self.seconds) / self.slices

    @property
    def ms_per_image_min(self) -> float:
        return 1000 * min(self.seconds) / self.slices


Case = dict[str, Step]  # by direction, "forward" and "back"
Pair = tuple[Step, Step]  # forward and back
Maker = Callable[[TiltGeometry, int, int], Pair]  # from a geometry, a batch and a number of threads


def main() -> None:
    parser = arguments("Times forward and back-projections.", "operators.csv")
    parser.add_argument("--size", type=int, default=256, help="pixels along each side")
    parser.add_argument("--tilts", type=int, default=180, help="tilts over half a turn")
    parser.add_argument("--batch", type=int, default=32, help="slices in a batch")
    parser.add_argument("--repeats", type=int, default=5, help="rounds")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    geometry = TiltGeometry.full(options.size, 180 / options.tilts)
    cases = installed(geometry, options.batch, options.threads)
    measure_difference(cases, options)
    data = {"forward": phantom(geometry), "back": projections(geometry)}
    steps = [(direction, step) for case in cases.values() for direction, step in case.items()]
    for direction, step in steps:
        step.run(step.prepare(repeated(data[direction], step.slices)))  # warm-up
    for _ in range(options.repeats):
        for direction, step in steps:
            given = step.prepare(repeated(data[direction], step.slices))
            time.sleep(SETTLE_S)
            turn = time.perf_counter()
            while time.perf_counter() - turn < TURN_S:
                started = time.perf_counter()
                step.run(given)
                step.seconds.append(time.perf_counter() - started)

    columns = provenance(PACKAGES)
    Console().print(table(cases, options))
    print(describe(columns))
    rows = []
    for name in CASES:
        for direction in ("forward", "back"):
            row = {"case": name, "direction": direction, "size": options.size, "tilts": options.tilts}
            rows.append({**row, "batch": options.batch, **numbers(cases, name, direction, options), **columns})
    write_csv(options.csv, rows)


def numbers(cases: dict[str, Case], name: str, direction: str, options: Namespace) -> dict[str, str]:
    """Columns of the table; ``mfu`` is the share of a GPU's peak used for the multiplications and additions."""
    if name not in cases:
        names = ("ms_per_image_min", "ratio_to_mwgan", "relative_difference", "slices_at_once", "mfu")
        return {"ms_per_image": "not installed", **dict.fromkeys(names, "")}
    step = cases[name][direction]
    tflop = 2 * MEAN_FOOTPRINT * options.tilts * options.size**2 / 1e12
    return {
        "ms_per_image": f"{step.ms_per_image:.3f}",
        "ms_per_image_min": f"{step.ms_per_image_min:.3f}",
        "ratio_to_mwgan": f"{step.ms_per_image / cases[OURS][direction].ms_per_image:.2f}",
        "relative_difference": f"{step.difference:.6f}",
        "slices_at_once": str(step.slices),
        "mfu": "" if step.peak_tflops is None else f"{tflop / (step.ms_per_image / 1000) / step.peak_tflops:.4f}",
    }


def table(cases: dict[str, Case], options: Namespace) -> Table:
    title = f"{options.size} x {options.size}, {options.tilts} tilts, batch {options.batch}, {options.repeats} rounds"
    shown = Table(title=title, caption="ms an image, median and minimum; ratio and difference to the first; share of a GPU's peak")
    for column in ("case", "direction", "ms", "min", "ratio", "difference", "MFU"):
        shown.add_column(column, justify="left" if column in ("case", "direction") else "right")
    for name in CASES:
        for direction in ("forward", "back"):
            ms, shortest, ratio, difference, _, mfu = numbers(cases, name, direction, options).values()
            apart = f"{100 * float(difference):.3f} %" if difference and name != OURS else ""
            shown.add_row(name, direction, ms, shortest, ratio, apart, mfu, end_section=direction == "back")
    return shown


def installed(geometry: TiltGeometry, batch: int, threads: int) -> dict[str, Case]:
    """The cases whose package is installed; ASTRA may be without CUDA."""
    cases = {}
    for name, make in CASES.items():
        with suppress(ImportError, InputError):
            forward, back = make(geometry, batch, threads)
            cases[name] = {"forward": forward, "back": back}
    return cases


def measure_difference(cases: dict[str, Case], options: Namespace) -> None:
    """Difference of each case from ours, at an odd size: with an even one, scikit-image rotates about another point."""
    geometry = TiltGeometry.full(options.size | 1, 180 / options.tilts)
    centred = np.arange(geometry.detector_size) - (geometry.detector_size - 1) / 2
    circle = np.hypot(*np.meshgrid(centred, centred)) < 0.95 * geometry.detector_size / 2
    image, sinogram = phantom(geometry)[None], projections(geometry)[None]
    expected: dict[str, Array] = {}
    for name, other in installed(geometry, 1, options.threads).items():
        results = {"forward": whole(other["forward"], image), "back": whole(other["back"], sinogram) * circle}
        expected = expected or results  # ours are first
        for direction, result in results.items():
            cases[name][direction].difference = relative(result, expected[direction])


def whole(step: Step, given: Array) -> Array:
    return step.finish(step.run(step.prepare(given)))


def relative(result: Array, expected: Array) -> float:
    return float(np.linalg.norm(result - expected) / np.linalg.norm(expected))


def phantom(geometry: TiltGeometry) -> Array:
    """Three smooth blobs off the centre (N, N), inside the inscribed circle."""
    size = geometry.detector_size
    centred = (np.arange(size) - (size - 1) / 2) / size
    x, z = centred[None, :], centred[:, None]
    image = np.zeros((size, size))
    for right, down, width, height in ((0.14, -0.08, 0.08, 1.0), (-0.18, 0.12, 0.06, 0.6), (0.05, 0.2, 0.05, 0.5)):
        image += height * np.exp(-((x - right) ** 2 + (z - down) ** 2) / (2 * width**2))
    return np.asarray(np.where(np.hypot(x, z) < 0.47, image, 0.0), dtype=np.float32)


def projections(geometry: TiltGeometry) -> Array:
    """The phantom's sinogram (A, N)."""
    image = torch.from_numpy(phantom(geometry))[None, None]
    return np.asarray(ParallelBeam(geometry, "matrix_free")(image)[0, 0].numpy())


def repeated(slice_: Array, count: int) -> Array:
    return np.repeat(slice_[None], count, axis=0)


def ours(method: str, device: str = "cpu", transfers: bool = False) -> Maker:
    """Our projector, with slices on the device, as in training, or including transfers."""

    def make(geometry: TiltGeometry, batch: int, threads: int) -> Pair:
        projector = ParallelBeam(geometry, method)  # type: ignore[arg-type]

        def put(array: Array) -> Tensor:
            return torch.from_numpy(array)[:, None].to(device)

        def take(tensor: Tensor) -> Array:
            return np.asarray(tensor[:, 0].cpu().numpy())

        def step(operate: Callable[[Tensor], Tensor]) -> Step:
            def run(given: Tensor) -> Tensor:
                result = operate(given)
                if device == "cuda":
                    torch.cuda.synchronize()
                return result

            if transfers:
                return Step(lambda array: take(operate(put(array))), batch)
            return Step(run, batch, put, take, peak_of(torch.device(device), "32-true"))

        return step(projector), step(projector.adjoint)

    return make


def astra_strip(geometry: TiltGeometry, batch: int, threads: int) -> Pair:
    """Our adapter: the strip-area model, as in our projector."""
    projector = AstraParallelBeam(geometry, "cpu")
    return (
        one_a_thread(lambda image: projector(torch.from_numpy(image)[None, None])[0, 0].numpy(), threads),
        one_a_thread(lambda sinogram: projector.adjoint(torch.from_numpy(sinogram)[None, None])[0, 0].numpy(), threads),
    )


def astra_cuda(geometry: TiltGeometry, batch: int, threads: int) -> Pair:
    projector = AstraParallelBeam(geometry, "cuda")
    return (
        Step(lambda image: projector(torch.from_numpy(image)[:, None])[:, 0].numpy(), batch),
        Step(lambda sinogram: projector.adjoint(torch.from_numpy(sinogram)[:, None])[:, 0].numpy(), batch),
    )


def astra_alone(model: str) -> Maker:
    """ASTRA without our adapter, with a faster model: ``line`` (lengths in pixels) or ``linear`` (Joseph's)."""

    def make(geometry: TiltGeometry, batch: int, threads: int) -> Pair:
        import astra

        tilt = np.deg2rad(np.asarray(geometry.tilt_deg))
        still = np.zeros_like(tilt)
        vectors = np.stack([np.sin(tilt), -np.cos(tilt), still, still, np.cos(tilt), np.sin(tilt)], axis=1)
        beam = astra.create_proj_geom("parallel_vec", geometry.detector_size, vectors)
        volume = astra.create_vol_geom(geometry.detector_size, geometry.detector_size)
        operator = astra.OpTomo(astra.create_projector(model, beam, volume))
        return one_a_thread(operator.FP, threads), one_a_thread(operator.BP, threads)

    return make


def scikit_image(geometry: TiltGeometry, batch: int, threads: int) -> Pair:
    """Rotation and sum; back-projection without a filter, with its normalisation undone."""
    from skimage.transform import iradon, radon

    tilt_deg, size = np.asarray(geometry.tilt_deg), geometry.detector_size
    scale = np.float32(2 * geometry.tilts / np.pi)

    def back(sinogram: Array) -> Array:
        return np.asarray(iradon(sinogram.T, tilt_deg, output_size=size, filter_name=None, circle=True) * scale)

    return one_a_thread(lambda image: radon(image, tilt_deg, circle=True).T, threads), one_a_thread(back, threads)


def tomopy(geometry: TiltGeometry, batch: int, threads: int) -> Pair:
    """Siddon's rays; TomoPy's fbp doesn't filter, so it is the adjoint of its projector."""
    import tomopy as library

    tilt, axis = np.deg2rad(np.asarray(geometry.tilt_deg)), geometry.detector_size / 2

    def forward(cores: int) -> Callable[[Array], Array]:
        return lambda image: library.project(image, tilt, center=axis, pad=False, sinogram_order=True, ncore=cores)

    def back(sinogram: Array) -> Array:
        way = {"algorithm": "fbp", "sinogram_order": True, "ncore": threads}
        return np.asarray(library.recon(sinogram, tilt, center=axis, **way))

    given = repeated(phantom(geometry), batch)
    return Step(fastest([forward(1), forward(threads)], given), batch), Step(back, threads)


def one_a_thread(run: Callable[[Array], Array], threads: int) -> Step:
    """A function of one slice as a step: one slice per thread at once."""
    pool = ThreadPoolExecutor(threads)
    return Step(lambda slices: np.stack(list(pool.map(run, slices))), threads)


def fastest(ways: list[Callable[[Array], Array]], given: Array) -> Callable[[Array], Array]:
    """The fastest way by the shortest of three runs, after a first one."""

    def shortest(way: Callable[[Array], Array]) -> float:
        times = []
        for _ in range(4):
            started = time.perf_counter()
            way(given)
            times.append(time.perf_counter() - started)
        return min(times[1:])

    return min(ways, key=shortest)


CASES: dict[str, Maker] = {
    OURS: ours("auto"),
    "mwgan, matrix": ours("matrix"),
    "ASTRA, strip": astra_strip,
    "ASTRA, line": astra_alone("line"),
    "ASTRA, linear": astra_alone("linear"),
    "scikit-image": scikit_image,
    "TomoPy": tomopy,
}
ON_A_GPU: dict[str, Maker] = {
    "mwgan, CUDA": ours("auto", "cuda"),
    "mwgan, CUDA, no matrix": ours("matrix_free", "cuda"),
    "mwgan, CUDA, transfers included": ours("auto", "cuda", transfers=True),
    "ASTRA, CUDA, transfers included": astra_cuda,
}
CASES |= ON_A_GPU if torch.cuda.is_available() else {}


if __name__ == "__main__":
    main()
