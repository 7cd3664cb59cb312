"""Whether something that claims to reconstruct does: any callable, a measurement to tomograms."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from mwgan.errors import InputError
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.recon.normalized import Normalized
from mwgan.testing.specimen import measurement, shift_of, specimen, turned
from mwgan.testing.subject import Subject

OFFSET_PX = 2.0  # of the tilt axis, in whole pixels: our own projections are shifted by it exactly
ALIKE = 0.15  # share of a tomogram's norm that an axis elsewhere may change, since other rays graze the slice's edge
FACTORS = (1e-6, 1e6)  # data in other units
OFF_PX = 0.3  # farthest that a tomogram may lie from its specimen
WEDGES = (30.0, 60.0, 90.0)


def check_reconstructor(
    method: Callable[[Measurement], Any],
    sizes: Iterable[int] = (32, 33),
    step_deg: float = 5.0,
    wedge_deg: float = 60.0,
    scales: bool = True,
    reconstructs: bool = True,
    axis_offset: bool = True,
    any_tilts: bool = True,
    wedge_per_sample: bool = True,
    deterministic: bool = True,
    device: torch.device | str = "cpu",
    tolerance: float = 1e-3,
) -> None:
    """Raise an AssertionError, in one sentence, unless ``method`` does what every method in mwgan is relied on to do.

    It gives finite tomograms (B, 1, N, N) in the number format and on the device of the data, for even and odd N; leaves its input as
    it was; gives each slice the same result regardless of the batch; and doesn't end in an error of torch's own
    when the data are float64. The other claims can be taken back one by one.

    Parameters
    ----------
    method
        A :class:`~mwgan.recon.Reconstructor`: any callable that takes a :class:`~mwgan.geometry.Measurement`.
    sizes
        Sizes N of the slices, even and odd.
    step_deg, wedge_deg
        Tilts and missing wedge that the method can take.
    scales
        Data twice as bright give a tomogram twice as bright. Where a weight or a training ties a method to intensities about 1, say
        False: it is then checked inside :class:`~mwgan.recon.normalized.Normalized`, which brings any data there.
    reconstructs
        The tomogram shows the specimen: in its place to 0.3 pixels, neither turned nor mirrored. False for an untrained network.
    axis_offset
        ``geometry.axis_offset_px`` and ``geometry.tilt_offset_px`` are obeyed.
    any_tilts
        Rows that weren't measured and rows that aren't there are the same to it.
    wedge_per_sample
        It takes a mask (B, 1, A, 1) of another wedge for each slice.
    deterministic
        The same data give the same tomogram, whatever the seeds of torch and numpy.
    device
        Where to check it.
    tolerance
        Largest difference between results that should be the same, as a share of the largest value.
    """
    subject = Subject(method)
    for size in sizes:
        geometry, image = TiltGeometry.full(size, step_deg), specimen(size, device=device)
        given = measurement(image, geometry, wedge_deg)
        case = f"slices of {size} x {size} pixels and a wedge of {wedge_deg:g} degrees"
        run = partial(_tomogram, subject)
        tomogram = run(given, case)
        alone = run(given.samples(torch.tensor([2])), f"one slice of {size} x {size} pixels")
        subject.agree(alone, tomogram[2:], tolerance, "gives a slice another result alone than beside others in a batch")
        swapped = run(given.samples(torch.tensor([1, 0])), "two slices")
        subject.agree(swapped[1:], tomogram[:1], tolerance, "gives a slice another result in another place of the batch")
        subject.agree(run(_strided(given), case), tomogram, tolerance, "gives another result for the same data in another layout in memory")
        empty = Measurement(torch.zeros_like(given.sinogram), given.measured, geometry)
        run(empty, "empty slices")
        _check_double(subject, given, tomogram)
        if deterministic:
            _check_deterministic(subject, given, tomogram, case)
        if reconstructs:
            _check_place(subject, image, geometry)
        if any_tilts:
            alike = run(given.only_measured(), "the measured tilts alone")
            subject.agree(alike, tomogram, tolerance, "takes rows that were not measured for data: without them the tomogram is another")
        if wedge_per_sample:
            _check_wedges(subject, image, geometry, tolerance)
        if axis_offset:
            _check_offset(subject, image, geometry, wedge_deg, tomogram)
        _check_units(subject, given, scales, tolerance)


def _tomogram(subject: Subject, given: Measurement, case: str, method: Callable[[Measurement], Any] | None = None) -> Tensor:
    """What the method gives: of the right shape and kind, its input left as it was."""
    sinogram, measured = given.sinogram.clone(), given.measured.clone()
    size = given.geometry.detector_size
    found = subject.ask(method or subject.thing, given, of=case)  # type: ignore[arg-type]
    kept = torch.equal(given.sinogram, sinogram) and torch.equal(given.measured, measured)
    subject.require(kept, f"writes into the measurement it is given: work on a copy ({case})")
    return subject.tensor(found, (len(sinogram), 1, size, size), sinogram, case).clone()


def _check_double(subject: Subject, given: Measurement, tomogram: Tensor) -> None:
    double = Measurement(given.sinogram.double(), given.measured, given.geometry)
    try:
        found = subject.thing(double)  # type: ignore[operator]
    except InputError:  # a sentence of its own, which is an answer
        return
    except Exception as error:  # of somebody else's code, which may raise anything
        raise AssertionError(
            f"{subject.name} ends in {type(error).__name__} given float64: compute in it, or bring it to the method's own precision"
        ) from error
    case = "float64 data"
    subject.require(
        isinstance(found, Tensor) and found.dtype in (torch.float32, torch.float64), f"gives no float32 or float64, given {case}"
    )
    subject.tensor(found, tuple(tomogram.shape), found, case)
    off = float((found.detach().to(tomogram) - tomogram).norm() / tomogram.norm().clamp(min=torch.finfo(tomogram.dtype).tiny))
    subject.require(off <= 0.05, f"gives another tomogram for the same data in float64: it differs by {100 * off:.2g} % of its norm")


def _check_deterministic(subject: Subject, given: Measurement, tomogram: Tensor, case: str) -> None:
    import numpy as np

    kept = np.random.get_state()  # noqa: NPY002 - the generator that a method should not ask
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(4711)
            np.random.seed(4711)  # noqa: NPY002
            again = _tomogram(subject, given, case)
    finally:
        np.random.set_state(kept)  # noqa: NPY002
    subject.agree(again, tomogram, 1e-5, "gives another result the second time")


def _check_wedges(subject: Subject, image: Tensor, geometry: TiltGeometry, tolerance: float) -> None:
    wedges = torch.tensor(WEDGES)
    together = _tomogram(subject, measurement(image, geometry, wedges), "a wedge for each slice")
    for number in (0, 2):
        alone = _tomogram(
            subject, measurement(image[number : number + 1], geometry, WEDGES[number]), f"a wedge of {WEDGES[number]:g} degrees"
        )
        sentence = "mixes up the wedges of a batch: a slice among slices with other wedges has another result than alone with its own"
        subject.agree(together[number : number + 1], alone, tolerance, sentence)


def _check_offset(subject: Subject, image: Tensor, geometry: TiltGeometry, wedge_deg: float, tomogram: Tensor) -> None:
    of_tilts = tuple(OFFSET_PX * (number % 2) for number in range(geometry.tilts))
    for offset, of_each in ((OFFSET_PX, ()), (-OFFSET_PX, of_tilts)):
        elsewhere = replace(geometry, axis_offset_px=offset, tilt_offset_px=of_each)
        found = _tomogram(subject, measurement(image, elsewhere, wedge_deg), f"a tilt axis {offset:g} pixels off the middle")
        inside = (specimen_disc(geometry.detector_size, OFFSET_PX + 1)).to(found)
        off = float(((found - tomogram) * inside).norm() / (tomogram * inside).norm())
        more = f", {OFFSET_PX:g} more at every second tilt," if of_each else ""
        case = f"does not obey the tilt axis' offset: {offset:g} pixels of it{more} change {100 * off:.0f} % of the tomogram"
        subject.require(off <= ALIKE, case)


def _check_units(subject: Subject, given: Measurement, scales: bool, tolerance: float) -> None:
    method: Any = subject.thing if scales else Normalized(subject.thing)  # type: ignore[arg-type]
    usual = _tomogram(subject, given, "data of intensities about 1", method)
    for factor in FACTORS:
        brighter = Measurement(factor * given.sinogram, given.measured, given.geometry)
        found = _tomogram(subject, brighter, f"data {factor:g} times as bright", method) / factor
        remedy = (
            ""
            if not scales
            else " (if its numbers are meant for intensities about 1, wrap it in Normalized and check it with scales=False)"
        )
        subject.agree(
            found, usual, tolerance, f"depends on the units of the data: {factor:g} times as bright they give another picture{remedy}"
        )


def _check_place(subject: Subject, image: Tensor, geometry: TiltGeometry) -> None:
    size = geometry.detector_size
    case = f"a complete series of {size} x {size} pixels"
    tomogram = _tomogram(subject, measurement(image, geometry), case)
    likeness = {way: float((tomogram * other).sum()) for way, other in {"as it is": image, **turned(image)}.items()}
    best = max(likeness, key=lambda way: likeness[way])
    subject.require(best == "as it is", f"shows the specimen {best}, given {case}")
    along_z, along_x = shift_of(tomogram, image)
    said = f"shows the specimen {along_x:.1f} pixels right of and {along_z:.1f} below its place, given {case}: its centre is (N - 1) / 2"
    subject.require(max(abs(along_z), abs(along_x)) <= OFF_PX, said)
    off = float((tomogram - image).norm() / image.norm())
    subject.require(
        off < 1, f"gives a tomogram farther from the specimen than an empty one ({100 * off:.0f} %), given {case}: mind its units"
    )


def specimen_disc(size: int, margin: float) -> Tensor:
    """1 within the inscribed circle less a margin in pixels, else 0, (N, N)."""
    position = torch.arange(size) - (size - 1) / 2
    return (position[None, :] ** 2 + position[:, None] ** 2 <= (size / 2 - margin) ** 2).float()


def _strided(given: Measurement) -> Measurement:
    """The same data, rows and columns exchanged in memory."""
    laid = given.sinogram.transpose(2, 3).contiguous().transpose(2, 3)
    return Measurement(laid, given.measured, given.geometry)
