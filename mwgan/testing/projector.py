"""Whether a projector is the one of :mod:`mwgan.geometry`, and its adjoint its adjoint."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from mwgan.geometry import TiltGeometry
from mwgan.testing.specimen import specimen
from mwgan.testing.subject import Subject

POINTS = ((0.0, 0.0), (7.0, -2.0), (-4.0, 6.0))  # x and z of single pixels, from the middle
PLACE_PX = 0.05  # farthest that the footprint of a pixel may fall from where the geometry puts it
MASS = 0.01  # of a specimen, that a projection may lose
EXACT = {torch.float32: 1e-4, torch.float64: 1e-9}


def check_projector(
    make: Callable[[TiltGeometry], Any],
    sizes: Iterable[int] = (32, 33),
    tilt_deg: Iterable[float] = (-90.0, -71.0, -45.0, -10.0, 0.0, 3.0, 30.0, 60.0, 85.5),
    exact_adjoint: bool = True,
    exact_float64: bool = True,
    device: torch.device | str = "cpu",
) -> None:
    """Raise an AssertionError, in one sentence, unless what ``make`` gives for a geometry projects as mwgan means it.

    Shapes, number format and device; point (x, z) falls on ``s = x cos(tilt) - z sin(tilt)`` right of the detector's middle plus the
    axis' offset; line integrals in pixel units whatever the size; linear, slice by slice, the same each time, the input left
    as it was; ``<A x, y> = <x, A' y>``, and the gradients of both are the other.

    Parameters
    ----------
    make
        A class or function that takes a :class:`~mwgan.geometry.TiltGeometry` and gives a :class:`~mwgan.operators.Projector`.
    sizes
        Sizes N of the slices, even and odd.
    tilt_deg
        Tilts of the series, increasing.
    exact_adjoint
        The adjoint is exact to rounding; where it is only near (ASTRA's on a GPU) say False, which asks for 2 %.
    exact_float64
        float64 is computed in float64; if False, in float32 and given back as float64.
    device
        Where to check it.
    """
    subject = Subject(make)
    for size in sizes:
        geometry = TiltGeometry(tuple(tilt_deg), size)
        for dtype in (torch.float32, torch.float64):
            exact = EXACT[dtype if exact_float64 else torch.float32]
            image = specimen(size, dtype, device)
            projector = subject.ask(make, geometry, of=f"a geometry of {size} pixels")
            sinogram = _project(subject, projector, image, geometry)
            _check_linear(subject, projector, image, sinogram, geometry, exact)
            _check_adjoint(subject, projector, image, sinogram, geometry, exact if exact_adjoint else 0.02)
        _check_mass(subject, image, sinogram)
        each = tuple(0.75 * (-1) ** number for number in range(geometry.tilts))
        for offset, of_tilts in ((0.0, ()), (2.25, ()), (2.25, each)):
            _check_places(subject, make, replace(geometry, axis_offset_px=offset, tilt_offset_px=of_tilts), device)


def _project(subject: Subject, projector: Any, image: Tensor, geometry: TiltGeometry) -> Tensor:
    before, case = image.clone(), f"slices {tuple(image.shape)} of {image.dtype}"
    sinogram = subject.ask(projector, image, of=case)
    subject.require(torch.equal(before, image), f"writes into the image it is given: work on a copy ({case})")
    return subject.tensor(sinogram, (len(image), 1, geometry.tilts, geometry.detector_size), image, case)


def _check_linear(subject: Subject, projector: Any, image: Tensor, sinogram: Tensor, geometry: TiltGeometry, exact: float) -> None:
    subject.agree(_project(subject, projector, image, geometry), sinogram, exact, "gives another sinogram the second time")
    alone = _project(subject, projector, image[2:], geometry)
    subject.agree(alone, sinogram[2:], exact, "gives a slice another sinogram alone than beside others in a batch")
    sums = _project(subject, projector, 3 * image[:1] - 0.5 * image[1:2], geometry)
    subject.agree(sums, 3 * sinogram[:1] - 0.5 * sinogram[1:2], exact, "is not linear")


def _check_adjoint(subject: Subject, projector: Any, image: Tensor, sinogram: Tensor, geometry: TiltGeometry, exact: float) -> None:
    generator = torch.Generator().manual_seed(0)
    rows = torch.rand(sinogram.shape, generator=generator, dtype=torch.float64).to(sinogram)
    before, case = rows.clone(), f"sinograms {tuple(rows.shape)} of {rows.dtype}"
    back = subject.ask(getattr(projector, "adjoint", None), rows, of=case)  # type: ignore[arg-type]
    subject.require(torch.equal(before, rows), f"writes into the sinogram it is given: work on a copy ({case})")
    back = subject.tensor(back, tuple(image.shape), rows, case)
    left, right = (sinogram * rows).flatten(1).sum(dim=1), (image * back).flatten(1).sum(dim=1)
    off = float(((left - right).abs() / left.abs()).max())
    subject.require(off <= exact, f"has an adjoint that is not its own: <A x, y> and <x, A' y> differ by {100 * off:.2g} %")
    ways: tuple[tuple[str, Any, Tensor, Tensor, Tensor], ...] = (
        ("projection", projector, image, rows, back),
        ("adjoint", projector.adjoint, rows, image, sinogram),
    )
    for what, operate, given, weights, expected in ways:
        leaf = given.clone().requires_grad_()
        result = operate(leaf)
        subject.require(result.requires_grad, f"lets no gradient through its {what}")
        (gradient,) = torch.autograd.grad((result * weights).sum(), leaf)
        subject.agree(gradient, expected, exact, f"has a gradient of its {what} that is not the other operator")


def _check_mass(subject: Subject, image: Tensor, sinogram: Tensor) -> None:
    mass = image.flatten(1).sum(dim=1).reshape(-1, 1, 1)
    off = float((sinogram.sum(dim=3) / mass - 1).abs().max())
    subject.require(
        off <= MASS, f"does not keep the mass: a projection sums to {100 * off:.2g} % more or less than its slice (pixel units)"
    )


def _check_places(subject: Subject, make: Callable[[TiltGeometry], Any], geometry: TiltGeometry, device: torch.device | str) -> None:
    size = geometry.detector_size
    image = torch.zeros(len(POINTS), 1, size, size, device=device)
    column, row = [[round(middle + (size - 1) / 2) for middle in axis] for axis in zip(*POINTS, strict=True)]
    image[range(len(POINTS)), 0, row, column] = 1
    sinogram = _project(subject, make(geometry), image, geometry)[:, 0]
    detector = torch.arange(size, device=device) - (size - 1) / 2
    found = (sinogram * detector).sum(dim=2) / sinogram.sum(dim=2)
    tilt = torch.tensor([math.radians(tilt) for tilt in geometry.tilt_deg], device=device)
    x, z = (torch.tensor([at - (size - 1) / 2 for at in places], device=device)[:, None] for places in (column, row))
    expected = x * torch.cos(tilt) - z * torch.sin(tilt) + torch.tensor(geometry.offsets_px, device=device)
    off, worst = (found - expected).abs().flatten().max(dim=0)
    number, index = divmod(int(worst), geometry.tilts)
    at = f"{geometry.tilt_deg[index]:g} degrees" + ("" if geometry.on_axis else f" and an axis offset of {geometry.offsets_px[index]:g}")
    subject.require(
        float(off) <= PLACE_PX,
        f"puts the pixel {float(x[number]):g} right of and {float(z[number]):g} below the middle, at {at}, on "
        f"{float(found[number, index]):.2f} pixels right of the detector's middle, not on {float(expected[number, index]):.2f}",
    )
