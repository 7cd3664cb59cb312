"""Specimens of ellipsoids, projected analytically into raw images with exactly known shifts, tilt axis angle and position."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mwgan.series.align.pose import free_motion, turn

SIZE, FINE = 96, 2  # pixels of an image along each side; subpixels along each side of a pixel
KINDS = ("closed", "lopsided", "two", "slab", "open")
CLOSED = ("closed", "lopsided", "two")
MOST_PX, OFFSET_PX, ANGLE_DEG = 12.0, 6.0, 3.0  # for 96 pixels, as 20 and 10 for 160
Stack = np.ndarray


class Ellipsoid(NamedTuple):
    """Of a density, about a middle (y, x, z), inside where ``(r - middle)' form (r - middle) <= 1``."""

    density: float
    middle: np.ndarray
    form: np.ndarray
    reach: float
    """Largest distance of a point from its middle."""


class Moved(NamedTuple):
    """Raw images and their true alignment."""

    images: Stack
    tilt_deg: np.ndarray
    shifts_px: np.ndarray
    angle_deg: float
    noise: float
    true_tilt_deg: np.ndarray
    """True tilts; ``tilt_deg`` are the given ones."""


def specimen(kind: str, rng: np.random.Generator) -> list[Ellipsoid]:
    """One of :data:`KINDS`, in pixels from the middle."""
    half = SIZE / 2

    def one(density: float, middle: tuple[float, ...] | np.ndarray, half_axes: np.ndarray | tuple[float, ...]) -> Ellipsoid:
        turned, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        axes = np.asarray(half_axes, float) * half
        return Ellipsoid(density, np.asarray(middle, float) * half, turned @ np.diag(axes**-2.0) @ turned.T, float(axes.max()))

    def inside(middle: tuple[float, ...], radius: float) -> np.ndarray:
        way = rng.normal(size=3)
        return np.asarray(middle) + way / np.linalg.norm(way) * radius * rng.uniform(0.15, 0.75)

    if kind == "closed":
        grains = [one(rng.uniform(-0.8, 1.5), inside((0, 0, 0), 0.5), rng.uniform(0.03, 0.12, 3)) for _ in range(14)]
        return [one(1.0, (0, 0, 0), (0.55, 0.5, 0.42)), *grains]
    if kind == "lopsided":
        middle = (0.05, 0.12, -0.1)
        grains = [one(rng.uniform(0.3, 1.5), inside(middle, 0.2), rng.uniform(0.03, 0.08, 3)) for _ in range(6)]
        return [one(1.0, middle, (0.45, 0.23, 0.17)), one(2.5, (-0.1, -0.28, 0.1), (0.13, 0.09, 0.1)), *grains]
    if kind == "two":
        bodies = []
        for middle in ((-0.22, -0.2, 0.06), (0.24, 0.22, -0.1)):
            bodies.append(one(1.0, middle, rng.uniform(0.16, 0.23, 3)))
            bodies += [one(rng.uniform(-0.5, 1.0), inside(middle, 0.2), rng.uniform(0.025, 0.06, 3)) for _ in range(4)]
        return bodies
    if kind == "open":
        wide = [np.array([rng.uniform(-1.6, 1.6), rng.uniform(-1.6, 1.6), rng.uniform(-0.3, 0.3)]) for _ in range(60)]
        return [one(rng.uniform(0.3, 1.0), middle, rng.uniform(0.06, 0.25, 3)) for middle in wide]
    wide = [np.array([rng.uniform(-1.8, 1.8), rng.uniform(-3, 3), rng.uniform(-0.1, 0.1)]) for _ in range(170)]
    film = Ellipsoid(0.25, np.zeros(3), np.diag(np.array([1e4, 1e4, 0.12 * half]) ** -2.0), np.inf)
    return [film, *(one(rng.uniform(0.5, 1.5), middle, rng.uniform(0.02, 0.09, 3)) for middle in wide)]


def projected(bodies: list[Ellipsoid], tilt_deg: np.ndarray, shifts_px: np.ndarray, angle_deg: float) -> Stack:
    """Images (A, SIZE, SIZE) float32: lengths of the rays inside, averaged over each pixel."""
    axis = (np.arange(SIZE * FINE) + 0.5) / FINE - SIZE / 2
    raw = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1) @ turn(angle_deg)
    images = np.zeros((len(tilt_deg), SIZE, SIZE), np.float32)
    for number, (tilt, shift) in enumerate(zip(np.radians(tilt_deg), shifts_px, strict=True)):
        across, beam = np.array([0, np.cos(tilt), -np.sin(tilt)]), np.array([0, np.sin(tilt), np.cos(tilt)])
        image, place = np.zeros(raw.shape[:2]), raw - shift
        for body in bodies:
            _add_ray_lengths(image, place, body, across, beam)
        images[number] = image.reshape(SIZE, FINE, SIZE, FINE).mean(axis=(1, 3))
    return images


def moved_series(kind: str, max_tilt_deg: float, noise_percent: float, seed: int, still: bool = False, tilts_off_deg: float = 0.0) -> Moved:
    """A specimen at tilts of 2 degrees, each image shifted independently; ``still``: aligned; tilts may have errors."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    bodies = specimen(kind, rng)
    tilt_deg = np.arange(-max_tilt_deg, max_tilt_deg + 1, 2.0)
    shifts = rng.uniform(-MOST_PX, MOST_PX, (len(tilt_deg), 2)) + np.array([0.0, rng.uniform(-OFFSET_PX, OFFSET_PX)])
    angle = float(rng.uniform(-ANGLE_DEG, ANGLE_DEG))
    if still:
        shifts, angle = np.zeros_like(shifts), 0.0
    true_tilt_deg = tilt_deg + (rng.normal(0, tilts_off_deg, len(tilt_deg)) if tilts_off_deg else 0.0)
    images = projected(bodies, true_tilt_deg, shifts, angle)
    noise = noise_percent / 100 * float(images.max())
    return Moved((images + rng.normal(0, noise, images.shape)).astype(np.float32), tilt_deg, shifts, angle, noise, true_tilt_deg)


def errors(found_px: np.ndarray, angle_deg: float, true: Moved, used: np.ndarray | None = None) -> dict[str, float]:
    """Errors: root mean square across and along the axis, in pixels; axis position and angle. The specimen's position is free."""
    used = np.ones(len(true.tilt_deg), bool) if used is None else used
    tilts = np.radians(true.tilt_deg[used])
    wrong = found_px @ turn(angle_deg - true.angle_deg).T - true.shifts_px[used]
    place = np.linalg.lstsq(np.stack([np.ones_like(tilts), np.cos(tilts), np.sin(tilts)], axis=1), wrong[:, 1], rcond=None)[0][0]
    wrong = wrong - free_motion(wrong, true.tilt_deg[used])
    along, across = np.sqrt((wrong**2).mean(axis=0))
    return {
        "across_px": float(across),
        "along_px": float(along),
        "axis_place_px": float(place),
        "axis_angle_deg": angle_deg - true.angle_deg,
    }


def _add_ray_lengths(image: Stack, place: Stack, body: Ellipsoid, across: np.ndarray, beam: np.ndarray) -> None:
    """Add density times length to the points (R, C) of an image whose positions (R, C, 2) are along and across the tilt axis."""
    if np.isfinite(body.reach):
        middle = np.array([body.middle[0], body.middle @ across])
        near = (np.abs(place - middle) <= body.reach).all(axis=-1)
        rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
        if not len(rows):
            return
        window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    else:
        window = (slice(None), slice(None))
    y, s = place[window][..., 0], place[window][..., 1]
    away = np.stack([y, s * across[1], s * across[2]], axis=-1) - body.middle
    turned = away @ body.form
    square, half, rest = beam @ body.form @ beam, turned @ beam, (turned * away).sum(axis=-1)
    image[window] += body.density * 2 * np.sqrt(np.clip(half**2 - square * (rest - 1), 0, None)) / square
