"""From a raw tilt series to its alignment: read, estimated, held against what a reconstruction leaves before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mwgan.errors import InputError
from mwgan.io.tilts import Tilts
from mwgan.series.align.alignment import Alignment, Interpolation
from mwgan.series.align.estimate import Estimate, Say, estimate
from mwgan.series.align.neighbours import Neighbours
from mwgan.series.align.pose import Array, Pose, free_motion, turn
from mwgan.series.align.residuals import Left, left_by_sirt
from mwgan.series.align.upright import Upright, read_upright
from mwgan.series.align.warp import RawImages, Stack
from mwgan.series.look import Switches
from mwgan.series.look.seen import counted_images

HARDLY = 1.15  # times less is left: of slabs after moves of 0.3 pixels, of other open fields after 0.06
AT_REST_PX, AT_REST_DEG = 0.1, 0.15  # root mean square of the shifts, and the angle: an interpolation costs more than such moves gain
SURE = 3.0  # standard errors of the angle: less is no turn
JUDGED_PX = 160  # across the axis at most, of images that a residual is taken of
Quiet: Say = lambda sentence: None  # noqa: E731


@dataclass(frozen=True)
class Aligned:
    """A raw series and where its images belong.

    Parameters
    ----------
    alignment
        What is kept.
    upright
        The images used, as they were read.
    before, after
        What SIRT leaves of four slices of the raw images and of the aligned ones.
    sinograms
        The mean over rows of the raw images, and of the aligned ones, (A, X) each: to look at.
    notes, warnings
        Sentences.
    """

    alignment: Alignment
    upright: Upright
    before: Left
    after: Left
    sinograms: tuple[Stack, Stack]
    notes: list[str]
    warnings: list[str]


def align_series(
    path: str | Path,
    tilts: Tilts | None = None,
    switches: Switches | None = None,
    *,
    exclude: str | Sequence[int] = (),
    dataset: str | None = None,
    strict: bool = False,
    axis_angle_deg: float = 0.0,
    finds_angle: bool = True,
    finds_tilts: bool = False,
    equal_mass: bool = False,
    crop: bool = False,
    binning: int = 1,
    interpolation: Interpolation = "cubic",
    neighbours: Neighbours = "own",
    say: Say = Quiet,
) -> Aligned:
    """Find where the images of a raw series belong.

    A specimen that stays in the field gets its first guess from profiles along the tilt axis and centres of mass across it; of one that
    leaves it neighbouring images are compared, stretched by their cosines. Both are refined against the projections of their own
    reconstruction. Images that don't fit the others are left out, and named. A series that is aligned already stays as it is.

    Parameters
    ----------
    path, tilts, exclude, dataset, strict
        As of :class:`mwgan.series.look.LookedAt`.
    switches
        What is known already; None looks for everything. An axis offset isn't used: it is what is found.
    axis_angle_deg
        By how much the tilt axis is turned in the images, about, from y (or x, where it runs along that).
    finds_angle
        Whether the angle is refined, or known.
    finds_tilts
        Whether the tilts are refined, too.
    equal_mass
        Whether images are scaled so that their brightness fits the others'.
    crop
        Whether rows that some image hasn't measured are cut off.
    binning
        Pixels of the file in a pixel of the aligned images.
    interpolation
        As of :class:`mwgan.series.align.alignment.Alignment`.
    neighbours
        What makes the first guess of a specimen that leaves the field: ``own``, or ``tiltxcorr``, of the package torch-tiltxcorr.
    say
        Is told what is done, a sentence at a time.

    Raises
    ------
    InputError
        As of :class:`mwgan.series.look.LookedAt`; if there are too few images; and if torch-tiltxcorr is asked for and not installed.
    """
    if binning < 1:
        raise InputError(f"binning is 1 or more, not {binning}")
    read = read_upright(path, tilts, switches, exclude, dataset, strict)
    if binning > min(read.looked_at.seen.rows, read.looked_at.seen.columns) // 2:
        raise InputError(f"binning must lie between 1 and half the image, not {binning}")
    found = estimate(
        read.images,
        read.tilt_deg,
        read.measured,
        read.closed,
        read.noise,
        axis_angle_deg,
        finds_angle,
        finds_tilts,
        neighbours,
        say,
    )
    used = replace(read.of(np.flatnonzero(found.used)), tilt_deg=found.tilt_deg)
    pose, stays = at_rest(found, used.tilt_deg, axis_angle_deg)
    before, raw_rows = _judged(used, Pose(np.zeros_like(pose.shifts_px)), closed=False)
    after, rows = _judged(used, pose, used.closed)
    alignment = replace(_kept(used, pose, found, equal_mass, binning), interpolation=interpolation)
    if crop:
        alignment = _cropped(alignment)
    notes, warnings = _told(read, found, pose, stays, before, after)
    return Aligned(alignment, used, before, after, (raw_rows, rows), notes, warnings)


def at_rest(found: Estimate, tilt_deg: Array, angle_deg: float = 0.0) -> tuple[Pose, bool]:
    """The pose that was found; none at all where the images are aligned already, to what can be told.

    Of a specimen that stays in the field shifts and angle tell; of one that leaves it, whose volume never explains all, whether the pose
    explains more than one that is a third of a pixel off.
    """
    pose = found.pose
    moved = pose.shifts_px - free_motion(pose.shifts_px, tilt_deg)
    small = np.sqrt((moved**2).mean()) <= AT_REST_PX and abs(pose.axis_angle_deg) <= max(AT_REST_DEG, SURE * found.angle_error_deg)
    if angle_deg or not (small or (found.improved is not None and found.improved < HARDLY)):
        return pose, False
    return Pose(np.zeros_like(pose.shifts_px)), True


def _judged(used: Upright, pose: Pose, closed: bool) -> tuple[Left, Stack]:
    """What SIRT leaves of images in a pose, and their mean over rows."""
    rows, columns = used.images.shape[1:]
    step = max(1.0, columns / JUDGED_PX)
    shape = (int(rows / step), int(columns / step))
    raw = RawImages(used.images, used.measured, step)
    images, known = raw.placed(pose, shape)
    counted = raw.inside_along(pose, shape) if closed else known
    return left_by_sirt(images, counted, used.tilt_deg), np.asarray(images.mean(axis=1))


def _kept(used: Upright, pose: Pose, found: Estimate, equal_mass: bool, binning: int) -> Alignment:
    """The alignment in pixels of the file."""
    seen = used.looked_at.seen
    raw_shape = (seen.rows, seen.columns)
    whole = raw_shape if used.tilt_axis == "y" else raw_shape[::-1]
    dropped = np.array([side % used.binning for side in whole])  # whose half the middle of binned images lies before that of whole ones
    shifts = pose.shifts_px * used.binning - turn(-pose.axis_angle_deg) @ (dropped / 2)
    if not np.any(pose.shifts_px):
        shifts = np.zeros_like(shifts)
    scale = 1.0 / (1.0 + found.gain) if equal_mass else np.ones(len(used.numbers))
    return Alignment(
        [number + 1 for number in used.numbers],
        int(used.looked_at.first.images.shape[0]),
        raw_shape,
        used.tilt_deg.tolist(),
        used.tilt_axis,
        pose.axis_angle_deg,
        [(float(along), float(across)) for along, across in shifts],
        [bool(one) for one in used.flipped],
        (scale / scale.mean()).tolist(),
        whole,
        binning=binning,
    )


def _cropped(alignment: Alignment) -> Alignment:
    """With the rows alone that every image has measured in the middle half of its width."""
    rows, columns = alignment.shape
    (cosine, minus_sine), _ = turn(alignment.axis_angle_deg)
    low, high = 0, rows
    for along, across in alignment.shifts_px:
        for place in (-columns / 4, columns / 4):
            # Where the raw image's middle row lies here: cosine (y + along) + minus_sine (x + across) = 0.
            middle = (rows - 1) / 2 - along - minus_sine * (place + across) / cosine
            reach = (rows - 1) / 2 / cosine
            low, high = max(low, int(np.ceil(middle - reach - 1e-6))), min(high, int(np.floor(middle + reach + 1e-6)) + 1)
    if high - low < 1:
        return alignment
    return replace(alignment, shape=(high - low, columns), first_px=(low - (rows - 1) / 2 + (high - low - 1) / 2, 0.0))


def _told(read: Upright, found: Estimate, pose: Pose, stays: bool, before: Left, after: Left) -> tuple[list[str], list[str]]:
    """Notes and warnings, those of the look first."""
    notes, warnings = list(read.looked_at.notes), list(read.looked_at.warnings)
    if not found.used.all():
        numbers = [read.numbers[place] + 1 for place in np.flatnonzero(~found.used)]
        warnings.append(
            f"{counted_images(sorted(numbers), 'is', 'are')} left out: they did not fit the others wherever they were moved; look at them "
            f"(--exclude {','.join(map(str, sorted(numbers)))} says the same without looking)"
        )
    kind = "stays in the field" if read.closed else "leaves the field, so neighbouring images gave the first guess"
    notes.append(f"the specimen {kind}")
    if stays:
        angle = f"an axis turned by {found.pose.axis_angle_deg:.2f} ± {found.angle_error_deg:.2f} degrees"
        notes.append(f"the series is aligned already, as far as can be told ({angle}): its pixels stay as they are")
    else:
        moves = pose.shifts_px * read.binning
        along, across = (float(np.abs(part - part.mean()).max()) for part in moves.T)
        notes.append(
            f"images moved by up to {along:.1f} pixels along the tilt axis and {across:.1f} across it; the axis is turned by "
            f"{pose.axis_angle_deg:.2f} degrees"
        )
    if (change := np.abs(found.tilt_deg - read.tilt_deg[found.used])).any():
        notes.append(
            f"tilts changed by up to {change.max():.2f} degrees, {np.sqrt((change**2).mean()):.2f} root mean square (--refine-tilts)"
        )
    notes.append(
        f"a reconstruction by SIRT leaves {100 * after.of_data:.2f} % of the aligned images, {100 * before.of_data:.2f} % of the raw ones"
    )
    if after.of_data > max(before.of_data, 1e-6) * 1.02:
        warnings.append(
            "the aligned images are explained no better than the raw ones: are the tilts right, and the tilt axis "
            "(--tilt-axis, --axis-angle)? Don't trust this alignment"
        )
    return notes, warnings
