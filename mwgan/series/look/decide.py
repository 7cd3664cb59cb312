"""From statistics of the images to findings, messages and corrections."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mwgan.io import TiltSeries
from mwgan.io.tilt_series import look_like_radians
from mwgan.series.look import axis, contrast, masses, moments, order, quick_volumes
from mwgan.series.look.filled import Filled
from mwgan.series.look.findings import Findings, counted_images
from mwgan.series.look.outliers import Outliers
from mwgan.series.look.statistics import Array, Statistics, gather
from mwgan.series.look.switches import Switches

FEWEST_TILTS = 5  # needed to analyse how images change with tilt
BIASED_PX = 0.5  # possible error of the residual criterion if parts outside the field are seen at some tilts
EXPLAINS_MORE = 1.03  # required ratio of residuals for another axis
FEW = 0.05  # of the images: if more are unlike their neighbours, they aren't exceptions
MASS_CHANGES = 0.05


class Look(NamedTuple):
    """Findings of a check: for messages, and for pixel corrections by the image's number in the file (from 0)."""

    seen: Findings
    outliers: dict[int, Outliers]
    filled: dict[int, Filled]
    statistics: Statistics
    """Of the images that are not dead, as in the file except for outliers and filled borders."""


def look(series: TiltSeries, switches: Switches | None = None) -> Look:
    """Check every image of a series once, and report the findings.

    Parameters
    ----------
    series
        As from :func:`mwgan.io.open_series`, with the tilt axis along y, neither binned nor shifted.
    switches
        What is already known; None checks everything.
    """
    switches = switches or Switches()
    gathered = gather(series)
    rows, columns = gathered.shape
    seen = Findings(len(gathered.numbers), rows, columns)
    outliers, filled = (
        dict(zip(gathered.numbers, gathered.outliers, strict=True)),
        dict(zip(gathered.numbers, gathered.filled, strict=True)),
    )
    found = Look(seen, outliers, filled, gathered.of(~gathered.dead))
    _pixels(seen, gathered, switches)
    known = found.statistics
    if len(known.numbers) == 0:
        seen.warnings.append("every image is constant: is this the right file?")
        return found
    seen.tilt_deg, seen.noise = known.tilt_deg.tolist(), float(np.median(known.noise))
    surroundings = _axis_direction(seen, known, switches)
    known = _contrast(seen, known, surroundings, switches)
    level = np.broadcast_to(np.asarray(seen.background, float), (len(known.numbers),))
    known = replace(
        known,
        small=known.small - level[:, None, None],
        by_columns=known.by_columns - level[:, None, None],
        by_rows=known.by_rows - level[:, None, None],
    )
    if len(known.numbers) >= FEWEST_TILTS:
        tilts_fit = not switches.aligned or _tilts(seen, known)
        whole = known.of(axis.sees_all(known, seen.tilt_axis))  # masses of the others are meaningless
        if len(whole.numbers) >= max(FEWEST_TILTS, len(known.numbers) / 2):
            _masses(seen, whole, surroundings)
        else:
            whole = known
        if surroundings.empty and not seen.normalised and not seen.radians:
            tilts_fit &= _order(seen, whole, gathered)
        _geometry(seen, known, whole, surroundings, switches, tilts_fit)
    return found


def _pixels(seen: Findings, gathered: Statistics, switches: Switches) -> None:
    """Dead images, outliers and filled borders."""
    seen.dead = [number + 1 for number, dead in zip(gathered.numbers, gathered.dead, strict=True) if dead]
    if seen.dead and len(seen.dead) < len(gathered.numbers):
        seen.notes.append(f"{counted_images(seen.dead, 'is', 'are')} constant: nothing was measured there, left out")
    seen.outliers = sum(map(len, gathered.outliers))
    seen.outlier_images = sum(len(one) > 0 for one in gathered.outliers)
    if seen.outliers:
        what = f"{seen.outliers} outlying pixels in {seen.outlier_images} images (hot pixels, X-rays)"
        if switches.outliers == "replace":
            seen.notes.append(f"{what}, replaced by the median of their neighbours (--outliers keep leaves them)")
        else:
            seen.warnings.append(f"{what} are kept, and will cause streaks: --outliers replace removes them")
    shape = gathered.shape
    filled = [one for one in gathered.filled if one]
    if filled:
        missing = sum(int((~one.whole(shape)).sum()) for one in filled)
        seen.filled_share = missing / (len(gathered.filled) * shape[0] * shape[1])
        share = f"{100 * seen.filled_share:.1f} % of all pixels"
        borders = "borders of 1 image were" if len(filled) == 1 else f"borders of {len(filled)} images were"
        seen.notes.append(f"{borders} filled by an alignment ({share}): treated as not measured")


def _axis_direction(seen: Findings, known: Statistics, switches: Switches) -> contrast.Surroundings:
    """Determine along which axis of the images the tilt axis runs; return the surroundings across it."""
    ways = {way: contrast.surroundings(known, way) for way in ("y", "x")}
    levels = [float(np.median(way.levels)) for way in ways.values() if way.empty]
    level = levels[0] if levels else 0.0
    if switches.aligned:  # else masses change with the shifts
        seen.tilt_axis_seems = axis.axis_seems(known, level)
        if seen.tilt_axis_seems is None and ways["x"].empty and not ways["y"].empty and quick_volumes.far_better_along_x(known, level):
            seen.tilt_axis_seems = "x"
    if switches.tilt_axis != "auto":
        seen.tilt_axis = switches.tilt_axis
        if seen.tilt_axis_seems not in (None, seen.tilt_axis):
            seen.warnings.append(
                f"the tilt axis seems to run along {seen.tilt_axis_seems} (the mass of the other lines changes with the tilt), "
                f"and {seen.tilt_axis} was given: --tilt-axis {seen.tilt_axis_seems}"
            )
    elif seen.tilt_axis_seems == "x":
        seen.tilt_axis = "x"
        seen.warnings.append(
            "the tilt axis seems to run along x: the mass of single rows changes with the tilt and that of columns doesn't, or a volume "
            "around it fits far better; used so, --tilt-axis y puts it along y"
        )
    seen.other_way_empty = ways["x" if seen.tilt_axis == "y" else "y"].empty
    return ways[seen.tilt_axis]


def _contrast(seen: Findings, known: Statistics, surroundings: contrast.Surroundings, switches: Switches) -> Statistics:
    """Handle bright field or a background; return the corrected statistics."""
    seen.contrast, seen.bright_field = surroundings.contrast, surroundings.bright
    seen.open_sides = list(surroundings.open_sides)
    if switches.invert == "yes" or (switches.invert == "auto" and surroundings.bright):
        vacuum = surroundings.levels
        seen.vacuum, seen.logarithm = vacuum.tolist(), bool((vacuum > 0).all() and (known.lowest > -0.1 * vacuum).all())
        how = "-log(I / I0)" if seen.logarithm else "I0 - I"
        what = "the images look like bright field, surroundings" if surroundings.bright else "images are inverted: surroundings"
        seen.warnings.append(f"{what} of about {np.median(vacuum):.4g} are I0, and {how} is used; --invert no leaves them")
        level = vacuum[:, None, None]

        def inverted(values: Array) -> Array:
            return -np.log(np.maximum(values, 1e-4 * level) / level) if seen.logarithm else level - values

        noise = known.noise / vacuum if seen.logarithm else known.noise
        small, by_columns, by_rows = map(inverted, (known.small, known.by_columns, known.by_rows))
        return replace(known, noise=noise, small=small, by_columns=by_columns, by_rows=by_rows)
    if surroundings.bright:
        seen.warnings.append(
            "the images look like bright field: their surroundings are brighter than the specimen, and densities must be positive; "
            "--invert yes takes the logarithm relative to them"
        )
        return known
    if surroundings.empty and surroundings.contrast == 0:
        seen.warnings.append("no specimen stands out from the noise of the images: is this the right file?")
    if isinstance(switches.background, float):
        seen.background = switches.background
    elif switches.background == "edge":
        seen.background = surroundings.levels.tolist()
        seen.notes.append(f"the level at each image's sides is subtracted, {np.median(surroundings.levels):.4g} on average")
    elif (found := contrast.background(surroundings)) is not None:
        stands_out = surroundings.contrast > 0
        share = (
            f"{100 * found / surroundings.contrast:.0f} % of the specimen's contrast" if stands_out else "and nothing stands out from it"
        )
        what = f"empty surroundings have a level of {found:.4g}, {share}"
        if switches.background == "auto":
            seen.background = found
            seen.notes.append(f"{what}: subtracted from all pixels (--background none leaves it)")
        else:
            seen.warnings.append(f"{what}, which is kept and will appear as density: --background auto subtracts it")
    return known


def _tilts(seen: Findings, known: Statistics) -> bool:
    """Whether the tilts seem to belong to the images."""
    seen.radians = look_like_radians(known.tilt_deg)
    if seen.radians:
        return False  # the series itself has reported this
    apart = order.distances(known)
    seen.out_of_order = order.is_out_of_order(apart)
    strangers = order.strangers(apart)
    seen.strangers = [known.numbers[place] + 1 for place in strangers] if len(strangers) <= max(2, FEW * len(apart)) else []
    if seen.out_of_order:
        seen.warnings.append(
            "images that are neighbours in tilt don't look alike, and others do: the tilts seem to belong to the images in another order "
            "(a sorted list for images in the order of exposure?); give the tilts in the order of the images"
        )
    elif seen.strangers:
        seen.warnings.append(
            f"{counted_images(seen.strangers, 'looks', 'look')} like images of another tilt: check them, or leave them out (--exclude "
            f"{','.join(map(str, seen.strangers))})"
        )
    return not seen.out_of_order


def _order(seen: Findings, whole: Statistics, gathered: Statistics) -> bool:
    """Whether the moments of complete images fit the given tilts, and don't fit others far better."""
    seen.fits_better = moments.fits_better(whole, gathered, seen.tilt_axis)
    if seen.fits_better is None or seen.out_of_order:  # already reported
        return seen.fits_better is None
    seen.out_of_order = True
    seen.warnings.append(
        f"the images fit other tilts far better than those given, {seen.fits_better}: check the list (sorted, for images in the order "
        "of exposure? another series'?), and give the tilts in the order of the images"
    )
    return False


def _masses(seen: Findings, known: Statistics, surroundings: contrast.Surroundings) -> None:
    """Check whether the images' intensities are comparable."""
    seen.normalised = masses.are_normalised(known)
    if seen.normalised:
        seen.warnings.append(
            f"the images were normalised one by one, all have the same {seen.normalised}: their intensities aren't comparable; "
            "use them as they were before"
        )
        return
    if not masses.hold_something(known):
        return
    mass = masses.masses(known, 0.0)
    seen.dark = [known.numbers[place] + 1 for place in masses.dark_images(mass)]
    if seen.dark:
        numbers = ",".join(map(str, seen.dark))
        seen.warnings.append(f"{counted_images(seen.dark, 'is', 'are')} far darker than neighbours: leave them out (--exclude {numbers})")
    seen.mass_changes = masses.changes_of_mass(mass)
    if surroundings.empty and not seen.dark and seen.mass_changes > MASS_CHANGES:
        seen.warnings.append(
            f"the mass of the images changes by {100 * seen.mass_changes:.0f} % from one to the next, and nothing leaves the field: "
            "were they normalised, or did the beam change?"
        )


def _geometry(
    seen: Findings, known: Statistics, whole: Statistics, surroundings: contrast.Surroundings, switches: Switches, tilts_fit: bool
) -> None:
    """Determine the tilt axis' position, and whether the images are aligned to it."""
    way = seen.tilt_axis
    if seen.open_sides:
        sides = " and ".join(seen.open_sides)
        other = "x" if way == "y" else "y"
        hint = f", or --tilt-axis {other} if the axis runs along {other}, where nothing leaves it" if seen.other_way_empty else ""
        seen.warnings.append(
            f"the specimen leaves the field on the {sides}: parts outside are seen at some tilts and add to the slice; "
            f"a --width larger than the detector makes room for them{hint}"
        )
    if not switches.aligned:
        seen.axis_offset_from = "nothing"
        return
    path = axis.centre_path(whole, way, 0.0) if surroundings.empty else None
    if path is not None:
        seen.scatter_px = path.scatter_px
    seen.drift_px = axis.drift_along(whole, way, 0.0)
    unaligned = path is not None and tilts_fit and path.scatter_px > max(axis.SCATTER_PX, axis.BEYOND_NOISE * path.expected_px)
    if path is not None and tilts_fit and not seen.strangers and axis.fits_other_tilts(path):
        seen.warnings.append(
            "the specimen's centre and width change smoothly from image to image, but not as for any object rotated by these tilts: "
            "the tilts seem to be wrong (a list in another order, with another step, or of another series?)"
        )
    elif tilts_fit and (unaligned or seen.drift_px > axis.SCATTER_PX):
        across = f"{path.scatter_px:.1f} pixels around one circle" if path is not None else "unknown across the axis"
        seen.warnings.append(
            f"the images don't seem to be aligned: their centres scatter by {across}, and they are shifted by {seen.drift_px:.1f} "
            "pixels along the axis from one to the next: align them first"
        )
    if switches.axis_offset != "auto":
        seen.axis_offset_px = float(switches.axis_offset)
        if path is not None and tilts_fit and abs(path.offset_px - seen.axis_offset_px) > max(1.0, 4 * path.error_px):
            seen.warnings.append(
                f"the tilt axis seems to be {path.offset_px:.2f} pixels right of the centre, and {seen.axis_offset_px:g} was given: "
                "--axis-offset auto fits it"
            )
        return
    seen.axis_offset_from = "nothing"
    if not tilts_fit or seen.normalised or (path is not None and (unaligned or axis.fits_other_tilts(path))):
        return
    if path is not None:
        found, error, source = path.offset_px, path.error_px, "centres of mass"
    else:
        rows = quick_volumes.slices_of(known, way)
        found, gain = quick_volumes.offset_by_residual(rows, known.tilt_deg)
        error, source = (BIASED_PX, "reconstruction") if gain > EXPLAINS_MORE else (np.inf, "nothing")
    seen.axis_offset_error_px = None if not np.isfinite(error) else float(error)
    if source == "nothing":
        return
    seen.axis_offset_from = source
    if abs(found) > max(axis.LEAST_PX, axis.BEYOND_NOISE * error):
        seen.axis_offset_px = round(float(found), 3)
        seen.notes.append(
            f"the tilt axis is {found:.2f} ± {error:.2f} pixels right of the detector's centre, by the {source}: corrected "
            "(--axis-offset 0 leaves it in the centre)"
        )
