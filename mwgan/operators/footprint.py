"""The footprint of a pixel on the detector: the strip-area weights shared by all implementations of the projector.

A unit square pixel has at a given tilt a trapezoidal footprint of area 1 on the detector (the convolution of two
boxes with widths |cos| and |sin| of the tilt). Its overlap with each detector pixel has an exact closed form, covers
three neighbours at most, and sums to 1: a projection conserves mass, and a back-projection of ones is flat. Interpolating
rays instead (Joseph 1982) causes a moiré in the back-projection where rays are wider apart than pixels.
"""

from __future__ import annotations

import math

import torch

from mwgan.geometry import TiltGeometry


def pixel_footprint(
    geometry: TiltGeometry, tilt_index: int, dtype: torch.dtype = torch.float64, device: torch.device | str = "cpu"
) -> tuple[torch.Tensor, torch.Tensor]:
    """Detector pixels under every pixel of the slice at one tilt, and the share of it on each.

    Returns
    -------
    detector : (3, N * N) int64, the detector pixels left of, under and right of each image pixel's centre, clamped to
        the detector (those outside carry weight 0)
    weight : (3, N * N), the share of the pixel's area that falls on each
    """
    size = geometry.detector_size
    tilt = math.radians(geometry.tilt_deg[tilt_index])
    cosine, sine = math.cos(tilt), math.sin(tilt)
    centred = torch.arange(size, dtype=torch.float64, device=device) - (size - 1) / 2
    footprint = (centred[None, :] * cosine - centred[:, None] * sine).flatten() + (size - 1) / 2 + geometry.offsets_px[tilt_index]
    nearest = footprint.round()
    # Positions need double precision on a wide detector; the position of a footprint's centre within its pixel does not.
    offset = (nearest - footprint).to(dtype)
    # A footprint reaches sqrt(2) / 2 at most: all of it is between the outer edges of the three pixels.
    left = area_left_of(offset - 0.5, abs(cosine), abs(sine))
    right = 1.0 - area_left_of(offset + 0.5, abs(cosine), abs(sine))
    weight = torch.stack([left, 1.0 - left - right, right])
    detector = nearest.long() + torch.tensor([-1, 0, 1], device=device)[:, None]
    inside = (detector >= 0) & (detector < size)
    return detector.clamp_(0, size - 1), weight.mul_(inside)


def area_left_of(position: torch.Tensor, wide: float, narrow: float) -> torch.Tensor:
    """Area of a pixel's footprint left of ``position``, relative to the footprint's centre: 0 far left, 1 far right.

    ``wide`` and ``narrow`` are |cos| and |sin| of the tilt, in either order.
    """
    wide, narrow = max(wide, narrow), min(wide, narrow)
    reach, flat = (wide + narrow) / 2, (wide - narrow) / 2
    distance = position.abs()
    # The sloping flanks vanish with the narrow side; then no position is between flat and reach.
    flank = 0.5 - (reach - distance).clamp(min=0) ** 2 / (2 * wide * max(narrow, 1e-30))
    half = torch.where(distance <= flat, distance / wide, torch.where(distance >= reach, 0.5, flank))
    return 0.5 + half * position.sign()
