"""Estimates the alignment from the images alone: initial guess, coarse-to-fine projection matching, and the axis' angle."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mwgan.series.align.axis_angle import SMOOTHER, angle_by_fits, angle_by_turns, unexplained
from mwgan.series.align.neighbours import Compare, Neighbours, comparison, shifts_from_neighbours
from mwgan.series.align.pose import Array, Pose, free_motion
from mwgan.series.align.profiles import centres_across, shifts_along, without_air
from mwgan.series.align.refine import Field, refine_shifts
from mwgan.series.align.tilts import refine_tilts
from mwgan.series.align.warp import SMOOTHING, Mask, RawImages, Stack

GUESS, COARSE, MIDDLE, FINE = 96, 48, 64, 96  # samples across the axis, at most
GUESS_ROUNDS = 2
REACH = 0.45  # largest shift along the axis, as a share of the images' extent
ROOM = 0.35  # margin of slices on either side if the specimen leaves the field, as a share of the images' width
PRESENT = 0.02  # of the brightest: threshold for the specimen's edge
OUTLYING, TIMES_SPREAD = 2.5, 8.0  # times the residual of other images, and times their scatter: an image of something else
MOST_OUTLYING = 0.2  # of the images: more aren't exceptions
Say = Callable[[str], None]


class Estimate(NamedTuple):
    """An estimated alignment."""

    pose: Pose
    """Pose of the images used."""
    angle_error_deg: float
    """Approximate standard error of the axis' angle; 0 if it was given."""
    used: Mask
    """Which of the images (A,) are used: the others don't fit."""
    misfit: Array
    """(A,): relative residual of each image; for those excluded, at the time of exclusion."""
    gain: Array
    """Of the images used: brightness relative to the volume's projection, minus 1."""
    tilt_deg: Array
    """Tilts of the images used: as given, or refined."""
    improved: float | None
    """Ratio of residuals (sums of squares) before and after alignment; None for a specimen that stays in the field, where shifts
    are sufficient."""


def estimate(
    images: Stack,
    tilt_deg: Array,
    measured: Mask | None = None,
    closed: bool = True,
    noise: float = 0.0,
    angle_deg: float = 0.0,
    finds_angle: bool = True,
    finds_tilts: bool = False,
    neighbours: Neighbours = "own",
    say: Say = lambda sentence: None,
) -> Estimate:
    """Estimate the shifts of images (A, Y, X), with y approximately along the tilt axis, and the angle of that axis.

    Parameters
    ----------
    images
        Densities integrated along the beam: 0 in vacuum.
    tilt_deg
        (A,), increasing.
    measured
        Which pixels were measured, (A, Y, X); None: all.
    closed
        Whether the specimen stays in the field across the tilt axis at every tilt. Then profiles and centres of mass give the
        initial guess; else each image is compared with its neighbour.
    noise
        Standard deviation of a pixel's noise.
    angle_deg
        Approximate rotation of the tilt axis; see :class:`mwgan.series.align.pose.Pose`.
    finds_angle
        Whether the angle is refined.
    finds_tilts
        Whether tilts are refined, too: :func:`mwgan.series.align.tilts.refine_tilts`.
    neighbours
        Method of comparing neighbouring images if ``closed`` is False: :mod:`mwgan.series.align.neighbours`.
    say
        Called with sentences on progress.

    Raises
    ------
    MissingExtraError
        If the method needs a package that isn't installed.
    """
    task = _Task(images, tilt_deg, measured, closed, noise, comparison(neighbours))
    if closed and neighbours != "own":
        say(f"the specimen stays in the field: its first guess is made without {neighbours}")
    pose = task.guess(Pose(np.zeros((len(images), 2)), angle_deg))
    say(f"first guess: shifts of up to {np.abs(pose.shifts_px).max():.1f} pixels")
    field = task.field(pose, COARSE)
    pose, moves = refine_shifts(field, pose)
    used, misfit = np.ones(len(images), bool), moves.misfit.copy()
    if (outlying := unlike_the_rest(moves.misfit)).any():
        used = ~outlying
        task, pose = task.of(used), pose.of(np.flatnonzero(used))
        field = task.field(pose, COARSE)
        pose, _ = refine_shifts(field, pose)
    error = 0.0
    if finds_angle:
        for samples, apart_deg, turns in ((COARSE, 1.5, 3), (MIDDLE, 0.75, 2)):
            if closed:
                pose, error = angle_by_fits(task.field(pose, samples, SMOOTHER), pose, apart_deg)
            else:
                field = task.field(pose, samples)
                for _ in range(turns):  # a wrong angle biases the shifts and vice versa, so they are refined alternately
                    pose, error = angle_by_turns(field, pose)
                    pose, _ = refine_shifts(field, pose)
            say(f"tilt axis at {pose.axis_angle_deg:.2f} ± {error:.2f} degrees")
    if finds_tilts:
        refined, pose = refine_tilts(task.field(pose, MIDDLE, SMOOTHER), pose)
        change = refined - task.tilt_deg
        say(f"tilts changed by up to {np.abs(change).max():.2f} degrees, {np.sqrt((change**2).mean()):.2f} root mean square")
        task.tilt_deg = refined
    pose, moves = refine_shifts(task.field(pose, FINE), pose)
    misfit[used] = moves.misfit
    pose = pose if closed else pose.moved(-free_motion(pose.shifts_px, task.tilt_deg))
    improved = None
    if not closed:
        smooth = task.field(pose, FINE, SMOOTHER)
        as_they_were = unexplained(smooth, Pose(np.zeros_like(pose.shifts_px), angle_deg))
        improved = as_they_were / max(unexplained(smooth, pose), np.finfo(float).tiny)
    return Estimate(pose, error, used, misfit, moves.gain, task.tilt_deg, improved)


def unlike_the_rest(misfit: Array) -> Mask:
    """Which images have far larger residuals than the others: they show something else, or are outside the search range."""
    middle = float(np.median(misfit))
    spread = 1.4826 * float(np.median(np.abs(misfit - middle)))
    found = misfit > max(OUTLYING * middle, middle + TIMES_SPREAD * spread)
    return found if found.mean() <= MOST_OUTLYING else np.zeros(len(misfit), bool)


class _Task:
    """The input, and lower resolutions of it."""

    def __init__(
        self,
        images: Stack,
        tilt_deg: Array,
        measured: Mask | None,
        closed: bool,
        noise: float,
        compare: Compare = shifts_from_neighbours,
    ) -> None:
        self.images, self.tilt_deg, self.measured, self.closed, self.noise = images, tilt_deg, measured, closed, noise
        self._compare = compare

    def of(self, used: Mask) -> _Task:
        measured = None if self.measured is None else self.measured[used]
        return _Task(self.images[used], self.tilt_deg[used], measured, self.closed, self.noise)

    def raw(self, step: float, smoothing: float = SMOOTHING) -> RawImages:
        return RawImages(self.images, self.measured, step, smoothing)

    def guess(self, pose: Pose) -> Pose:
        """The initial guess, at the angle of a pose."""
        rows, columns = self.images.shape[1:]
        step = max(1.0, columns / GUESS)
        shape = _samples((rows, columns), step)
        raw = self.raw(step)
        if not self.closed:
            return pose.moved(self._compare(raw.placed(pose, shape)[0], self.tilt_deg) * step)
        noise = self.noise / step
        for _ in range(GUESS_ROUNDS):
            body = without_air(raw.placed(pose, shape)[0], noise)
            pose = pose.moved(np.stack([np.zeros(len(body)), centres_across(body) * step], axis=1))
            body = without_air(raw.placed(pose, shape)[0], noise)
            along = shifts_along(body, raw.inside_along(pose, shape), self.tilt_deg, round(REACH * shape[0]))
            pose = pose.moved(np.stack([along * step, np.zeros(len(body))], axis=1))
        return pose

    def field(self, pose: Pose, samples: int, smoothing: float = SMOOTHING) -> Field:
        """The field to compare at a resolution of ``samples`` across the specimen, smoothed by ``smoothing`` samples."""
        rows, columns = self.images.shape[1:]
        width = min(columns, self.width(pose)) if self.closed else columns
        step = max(1.0, width / samples)
        shape = _samples((rows, width), step)
        return Field(self.raw(step, smoothing), self.tilt_deg, shape, self.closed, 0 if self.closed else round(ROOM * shape[1]))

    def width(self, pose: Pose) -> int:
        """Central pixels across the axis that contain all of a specimen which stays in the field."""
        rows, columns = self.images.shape[1:]
        step = max(1.0, columns / GUESS)
        shape = _samples((rows, columns), step)
        body = without_air(self.raw(step).placed(pose, shape)[0], self.noise / step).max(axis=0)
        profile = np.quantile(body, 0.98, axis=0)
        there = np.flatnonzero(profile > PRESENT * profile.max())
        if not len(there):
            return int(columns)
        half = float(np.abs(there - (shape[1] - 1) / 2).max()) + 4
        return int(np.ceil(2 * half * step))


def _samples(shape: tuple[int, int], step: float) -> tuple[int, int]:
    return (int(np.ceil(shape[0] / step)), int(np.ceil(shape[1] / step)))
