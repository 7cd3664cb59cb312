"""From a raw tilt series to its alignment: reading, estimation, and a check by reconstruction residuals before and after."""

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
from mwgan.series.align.residuals import Residuals, sirt_residuals
from mwgan.series.align.upright import Upright, read_upright
from mwgan.series.align.warp import RawImages, Stack
from mwgan.series.look import Switches
from mwgan.series.look.findings import counted_images

HARDLY = 1.15  # ratio of residuals: that of slabs after shifts of 0.3 pixels, of other open fields after 0.06
AT_REST_PX, AT_REST_DEG = 0.1, 0.15  # RMS of the shifts, and the angle: interpolation costs more than such a correction gains
SURE = 3.0  # standard errors of the angle: less isn't significant
RESIDUAL_PX = 160  # largest width, across the axis, of images used for residuals
Quiet: Say = lambda sentence: None  # noqa: E731


@dataclass(frozen=True)
class Aligned:
    """A raw series and its alignment.

    Parameters
    ----------
    alignment
        The alignment.
    upright
        The images used, as they were read.
    before, after
        SIRT residuals of four slices of the raw images and of the aligned ones.
    sinograms
        The mean over rows of the raw images, and of the aligned ones, (A, X) each, for display.
    notes, warnings
        Sentences.
    """

    alignment: Alignment
    upright: Upright
    before: Residuals
    after: Residuals
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
    """Align the images of a raw series.

    For a specimen that stays in the field the initial guess comes from profiles along the tilt axis and centres of mass across it;
    otherwise neighbouring images are compared, stretched by their cosines. Both are refined by projection matching. Images
    that don't fit the others are excluded, and listed. A series that is already aligned is left unchanged.

    Parameters
    ----------
    path, tilts, exclude, dataset, strict
        As for :class:`mwgan.series.look.LookedAt`.
    switches
        What is already known; None determines everything. An axis offset isn't used, as it is determined here.
    axis_angle_deg
        Approximate rotation of the tilt axis in the images from y (or x, if it runs along that).
    finds_angle
        Whether the angle is refined.
    finds_tilts
        Whether the tilts are refined, too.
    equal_mass
        Whether images are scaled to equal brightness.
    crop
        Whether rows that aren't measured in all images are cut off.
    binning
        Pixels of the file per pixel of the aligned images.
    interpolation
        As for :class:`mwgan.series.align.alignment.Alignment`.
    neighbours
        Method of the initial guess for a specimen that leaves the field: ``own``, or ``tiltxcorr`` from the package torch-tiltxcorr.
    say
        Called with sentences on progress.

    Raises
    ------
    InputError
        As for :class:`mwgan.series.look.LookedAt`; if there are too few images; and if torch-tiltxcorr is requested but not installed.
    """
    if binning < 1:
        raise InputError(f"binning must be 1 or more, not {binning}")
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
    before, raw_rows = _residuals(used, Pose(np.zeros_like(pose.shifts_px)), closed=False)
    after, rows = _residuals(used, pose, used.closed)
    alignment = replace(_in_file_pixels(used, pose, found, equal_mass, binning), interpolation=interpolation)
    if crop:
        alignment = _cropped(alignment)
    notes, warnings = _messages(read, found, pose, stays, before, after)
    return Aligned(alignment, used, before, after, (raw_rows, rows), notes, warnings)


def at_rest(found: Estimate, tilt_deg: Array, angle_deg: float = 0.0) -> tuple[Pose, bool]:
    """The estimated pose, or the identity if the images are already aligned within the accuracy.

    For a specimen that stays in the field this is decided by shifts and angle; for one that leaves it, whose volume never explains
    all data, by whether the pose explains more than one that is a third of a pixel off.
    """
    pose = found.pose
    moved = pose.shifts_px - free_motion(pose.shifts_px, tilt_deg)
    small = np.sqrt((moved**2).mean()) <= AT_REST_PX and abs(pose.axis_angle_deg) <= max(AT_REST_DEG, SURE * found.angle_error_deg)
    if angle_deg or not (small or (found.improved is not None and found.improved < HARDLY)):
        return pose, False
    return Pose(np.zeros_like(pose.shifts_px)), True


def _residuals(used: Upright, pose: Pose, closed: bool) -> tuple[Residuals, Stack]:
    """SIRT residual of images in a pose, and their mean over rows."""
    rows, columns = used.images.shape[1:]
    step = max(1.0, columns / RESIDUAL_PX)
    shape = (int(rows / step), int(columns / step))
    raw = RawImages(used.images, used.measured, step)
    images, known = raw.placed(pose, shape)
    counted = raw.inside_along(pose, shape) if closed else known
    return sirt_residuals(images, counted, used.tilt_deg), np.asarray(images.mean(axis=1))


def _in_file_pixels(used: Upright, pose: Pose, found: Estimate, equal_mass: bool, binning: int) -> Alignment:
    """The alignment in pixels of the file."""
    seen = used.looked_at.seen
    raw_shape = (seen.rows, seen.columns)
    whole = raw_shape if used.tilt_axis == "y" else raw_shape[::-1]
    dropped = np.array([side % used.binning for side in whole])  # binned images are centred half of this before unbinned ones
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
    """Cropped to the rows that all images have measured in the middle half of their width."""
    rows, columns = alignment.shape
    (cosine, minus_sine), _ = turn(alignment.axis_angle_deg)
    low, high = 0, rows
    for along, across in alignment.shifts_px:
        for place in (-columns / 4, columns / 4):
            # The raw image's middle row in these coordinates: cosine (y + along) + minus_sine (x + across) = 0.
            middle = (rows - 1) / 2 - along - minus_sine * (place + across) / cosine
            reach = (rows - 1) / 2 / cosine
            low, high = max(low, int(np.ceil(middle - reach - 1e-6))), min(high, int(np.floor(middle + reach + 1e-6)) + 1)
    if high - low < 1:
        return alignment
    return replace(alignment, shape=(high - low, columns), first_px=(low - (rows - 1) / 2 + (high - low - 1) / 2, 0.0))


def _messages(read: Upright, found: Estimate, pose: Pose, stays: bool, before: Residuals, after: Residuals) -> tuple[list[str], list[str]]:
    """Notes and warnings, those of the check first."""
    notes, warnings = list(read.looked_at.notes), list(read.looked_at.warnings)
    if not found.used.all():
        numbers = [read.numbers[place] + 1 for place in np.flatnonzero(~found.used)]
        warnings.append(
            f"{counted_images(sorted(numbers), 'is', 'are')} excluded, as they fit the others at no position: check them "
            f"(--exclude {','.join(map(str, sorted(numbers)))} excludes them from the start)"
        )
    kind = "stays in the field" if read.closed else "leaves the field, so the initial guess is from neighbouring images"
    notes.append(f"the specimen {kind}")
    if stays:
        angle = f"an axis rotated by {found.pose.axis_angle_deg:.2f} ± {found.angle_error_deg:.2f} degrees"
        notes.append(f"the series is already aligned within the accuracy ({angle}): its pixels are unchanged")
    else:
        moves = pose.shifts_px * read.binning
        along, across = (float(np.abs(part - part.mean()).max()) for part in moves.T)
        notes.append(
            f"images shifted by up to {along:.1f} pixels along the tilt axis and {across:.1f} across it; the axis is rotated by "
            f"{pose.axis_angle_deg:.2f} degrees"
        )
    if (change := np.abs(found.tilt_deg - read.tilt_deg[found.used])).any():
        notes.append(
            f"tilts changed by up to {change.max():.2f} degrees, {np.sqrt((change**2).mean()):.2f} root mean square (--refine-tilts)"
        )
    notes.append(f"SIRT residual: {100 * after.of_data:.2f} % for the aligned images, {100 * before.of_data:.2f} % for the raw ones")
    if after.of_data > max(before.of_data, 1e-6) * 1.02:
        warnings.append(
            "the residual of the aligned images is no smaller than that of the raw ones: are the tilts right, and the tilt axis "
            "(--tilt-axis, --axis-angle)? Don't trust this alignment"
        )
    return notes, warnings
