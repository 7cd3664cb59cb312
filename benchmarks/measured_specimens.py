"""Synthetic specimens with analytically known volumes, surfaces and thicknesses, and their tilt series."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from scipy.special import ellipeinc, ellipkinc

from mwgan.geometry import Measurement, TiltGeometry
from mwgan.operators import projector_for

SIZE, ROWS, FINE, STEP_DEG = 64, 32, 2, 3.0  # pixels along z and x, and along the tilt axis; subpixels of each; degrees
GAP = 5.0  # smallest distance between bodies in pixels
SHELL = 0.45  # density, relative to the core
KINDS = ("balls", "ellipsoids", "rods", "core-shell", "layers", "porous")
Array = np.ndarray
Distance = Callable[[Array], Array]


class Body(NamedTuple):
    """The ground truth of one particle; lengths in pixels, positions (y, z, x) from the middle."""

    distance: Distance
    """Signed distance (…) of points (…, 3) from its surface, negative inside."""
    middle: Array
    reach: float
    """Largest distance of a point from its middle."""
    density: float
    volume: float
    surface: float
    thickness: float | None
    """Of its walls, if it is the same everywhere."""
    at: Array
    """A point deep inside."""
    contact: float = 0.0
    """Area of contact with other bodies."""
    void: float = 0.0
    """Volume of its pores."""
    across_z: float | None = None
    """Cosine between a layer's normal and the beam."""


def specimen(kind: str, seed: int) -> list[Body]:
    """Random bodies of one of :data:`KINDS`; where two overlap, as a core in its shell, the latter counts."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    if kind == "layers":
        return _layers(rng)
    if kind == "porous":
        return _porous(rng)
    placed: list[list[Body]] = []
    for _ in range(400):
        size = (rng.uniform(4, 9), rng.uniform(0, 1))
        make = {"balls": _ball, "ellipsoids": _ellipsoid, "rods": _rod, "core-shell": _core_shell}[kind]
        bodies = make(rng, _place(rng), size[0])
        if _fits(bodies[0]) and all(
            np.linalg.norm(bodies[0].middle - other[0].middle) > bodies[0].reach + other[0].reach + GAP for other in placed
        ):
            placed.append(bodies)
        if len(placed) == 7:
            break
    return [body for bodies in placed for body in bodies]


def densities(bodies: list[Body], fine: int = FINE) -> Array:
    """(Y, Z, X) float32 on a grid of ``fine`` points per pixel, each with its share of a body estimated from the distance."""
    axes = [(np.arange(side * fine) + 0.5) / fine - side / 2 for side in (ROWS, SIZE, SIZE)]
    volume = np.zeros([len(axis) for axis in axes], np.float32)
    for body in bodies:
        window = tuple(
            slice(*np.searchsorted(axis, (middle - body.reach - 1, middle + body.reach + 1)))
            for axis, middle in zip(axes, body.middle, strict=True)
        )
        points = np.stack(np.meshgrid(*(axis[part] for axis, part in zip(axes, window, strict=True)), indexing="ij"), axis=-1)
        share = np.clip(0.5 - body.distance(points) * fine, 0, 1)
        volume[window] += (share * (body.density - volume[window])).astype(np.float32)
    return volume


def series(bodies: list[Body], wedge_deg: float, noise_percent: float, seed: int, step_deg: float = STEP_DEG) -> Measurement:
    """The measured tilts of a specimen, projected on a finer grid and binned; white noise in percent of the largest line integral."""
    reach = 90.0 - wedge_deg / 2
    tilts = np.arange(-np.floor(reach / step_deg + 1e-9), np.floor(reach / step_deg + 1e-9) + 1) * step_deg
    if wedge_deg == 0:
        tilts = tilts[:-1]
    fine = torch.from_numpy(densities(bodies))[:, None]
    rows = projector_for(TiltGeometry(tuple(tilts), SIZE * FINE))(fine)[:, 0] / FINE
    rows = rows.reshape(ROWS, FINE, len(tilts), SIZE, FINE).mean(dim=(1, 4))
    noise = torch.randn(rows.shape, generator=torch.Generator().manual_seed(seed)) * noise_percent / 100 * rows.max()
    return Measurement((rows + noise)[:, None], torch.ones(len(tilts), dtype=torch.bool), TiltGeometry(tuple(tilts), SIZE))


def _place(rng: np.random.Generator) -> Array:
    way, out = rng.uniform(0, 2 * np.pi), (SIZE / 2 - 4) * np.sqrt(rng.uniform())
    return np.array([rng.uniform(-ROWS / 2, ROWS / 2), out * np.cos(way), out * np.sin(way)])


def _fits(body: Body) -> bool:
    return bool(abs(body.middle[0]) + body.reach < ROWS / 2 - 1 and np.hypot(*body.middle[1:]) + body.reach < SIZE / 2 - 2)


def _turned(rng: np.random.Generator) -> Array:
    turned, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return turned


def _ball(rng: np.random.Generator, middle: Array, size: float) -> list[Body]:
    def distance(points: Array) -> Array:
        return np.linalg.norm(points - middle, axis=-1) - size

    return [Body(distance, middle, size, 1.0, 4 / 3 * np.pi * size**3, 4 * np.pi * size**2, 2 * size, middle)]


def _ellipsoid(rng: np.random.Generator, middle: Array, size: float) -> list[Body]:
    axes = np.sort(np.array([size, rng.uniform(0.55, 1) * size, rng.uniform(0.55, 1) * size]))[::-1]
    axes[0] = min(axes[0] * rng.uniform(1.0, 1.4), 12.0)
    axes = np.maximum(axes, 3.5)
    turned = _turned(rng)

    def distance(points: Array) -> Array:
        away = (points - middle) @ turned
        first, second = np.linalg.norm(away / axes, axis=-1), np.linalg.norm(away / axes**2, axis=-1)
        return first * (first - 1) / np.maximum(second, 1e-9)  # exact at the surface, second order near it

    volume, surface = 4 / 3 * np.pi * float(np.prod(axes)), _ellipsoid_surface(*axes)
    return [Body(distance, middle, float(axes.max()), 1.0, volume, surface, None, middle)]


def _ellipsoid_surface(a: float, b: float, c: float) -> float:
    a, b, c = sorted((a, b, c), reverse=True)
    if a - c < 1e-9:
        return 4 * np.pi * a * a
    phi, m = np.arccos(c / a), a**2 * (b**2 - c**2) / (b**2 * (a**2 - c**2))
    return float(
        2 * np.pi * c**2 + 2 * np.pi * a * b / np.sin(phi) * (ellipeinc(phi, m) * np.sin(phi) ** 2 + ellipkinc(phi, m) * np.cos(phi) ** 2)
    )


def _rod(rng: np.random.Generator, middle: Array, size: float) -> list[Body]:
    radius, length = rng.uniform(2.5, 5.0), rng.uniform(6.0, 20.0)
    way = _turned(rng)[0]

    def distance(points: Array) -> Array:
        away = points - middle
        along = np.clip(away @ way, -length / 2, length / 2)
        return np.linalg.norm(away - along[..., None] * way, axis=-1) - radius

    volume, surface = np.pi * radius**2 * length + 4 / 3 * np.pi * radius**3, 2 * np.pi * radius * length + 4 * np.pi * radius**2
    return [Body(distance, middle, length / 2 + radius, 1.0, volume, surface, 2 * radius, middle)]


def _core_shell(rng: np.random.Generator, middle: Array, size: float) -> list[Body]:
    core, wall = rng.uniform(4.0, 7.0), rng.uniform(3.0, 5.0)
    outer = core + wall

    def far(radius: float) -> Distance:
        return lambda points: np.linalg.norm(points - middle, axis=-1) - radius

    ball, sphere = 4 / 3 * np.pi * core**3, 4 * np.pi * core**2
    shell = Body(
        far(outer),
        middle,
        outer,
        SHELL,
        4 / 3 * np.pi * outer**3 - ball,
        4 * np.pi * outer**2 + sphere,
        wall,
        middle + np.array([0, 0, core + wall / 2]),
        sphere,
    )
    return [shell, Body(far(core), middle, core, 1.0, ball, sphere, 2 * core, middle, sphere)]


def _layers(rng: np.random.Generator) -> list[Body]:
    """A stack of three plates rotated about the tilt axis: across the beam, along it, or at random."""
    turn = rng.choice([0.0, 90.0, rng.uniform(0, 180)])
    normal, along = (
        np.array([0, np.cos(np.radians(turn)), np.sin(np.radians(turn))]),
        np.array([0, -np.sin(np.radians(turn)), np.cos(np.radians(turn))]),
    )
    thick, gaps = rng.uniform(3.0, 8.0, 3), rng.uniform(5.0, 8.0, 2)
    whole, height = thick.sum() + gaps.sum(), rng.uniform(20.0, ROWS - 6.0)
    width = 2 * np.sqrt((SIZE / 2 - 3) ** 2 - (whole / 2) ** 2) * rng.uniform(0.6, 0.9)
    bodies, start = [], -whole / 2
    for thickness, gap in zip(thick, (*gaps, 0.0), strict=True):
        middle, half = normal * (start + thickness / 2), np.array([height, thickness, width]) / 2
        start += thickness + gap

        def distance(points: Array, middle: Array = middle, half: Array = half) -> Array:
            away = points - middle
            beyond = np.abs(np.stack([away[..., 0], away @ normal, away @ along], axis=-1)) - half
            return np.linalg.norm(np.maximum(beyond, 0), axis=-1) + np.minimum(beyond.max(axis=-1), 0)

        a, b, c = 2 * half
        bodies.append(
            Body(
                distance,
                middle,
                float(np.linalg.norm(half)),
                1.0,
                a * b * c,
                2 * (a * b + b * c + c * a),
                float(thickness),
                middle,
                across_z=abs(normal[1]),
            )
        )
    return bodies


def _porous(rng: np.random.Generator) -> list[Body]:
    """A ball with closed pores; its surface includes theirs."""
    radius, middle = rng.uniform(11.5, 14.0), np.zeros(3)
    pores: list[tuple[Array, float]] = []
    for _ in range(300):
        pore = rng.uniform(2.5, 4.0)
        place = rng.normal(size=3)
        place *= rng.uniform() ** (1 / 3) * (radius - pore - 3.0) / np.linalg.norm(place)
        if all(np.linalg.norm(place - other) > pore + size + 2.5 for other, size in pores):
            pores.append((place, pore))
        if len(pores) == 7:
            break

    def distance(points: Array) -> Array:
        outside = np.linalg.norm(points - middle, axis=-1) - radius
        return np.max([outside, *(size - np.linalg.norm(points - place, axis=-1) for place, size in pores)], axis=0)

    void = sum(4 / 3 * np.pi * size**3 for _, size in pores)
    surface = 4 * np.pi * (radius**2 + sum(size**2 for _, size in pores))
    return [Body(distance, middle, radius, 1.0, 4 / 3 * np.pi * radius**3 - void, surface, None, np.array([0, 0, radius - 1.5]), void=void)]
