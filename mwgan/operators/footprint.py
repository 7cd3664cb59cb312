"""Where one pixel's shadow falls: the strip-area weights that every form of the projector shares.

A unit square pixel seen under a tilt casts a trapezoidal shadow of area 1 on the detector (the convolution of two
boxes as wide as |cos| and |sin| of the tilt). Its overlap with each detector pixel is exact in closed form, reaches
three neighbours at most, and sums to 1: a projection conserves mass, and a back-projection of ones is flat. Interpolating
rays instead (Joseph 1982) leaves a moiré in the back-projection where rays are wider apart than pixels.
"""

from __future__ import annotations

import math

import torch

from mwgan.geometry import TiltGeometry


def pixel_shadow(
    geometry: TiltGeometry, tilt_index: int, dtype: torch.dtype = torch.float64, device: torch.device | str = "cpu"
) -> tuple[torch.Tensor, torch.Tensor]:
    """Detector pixels under every pixel of the slice at one tilt, and how much of it each receives.

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
    shadow = (centred[None, :] * cosine - centred[:, None] * sine).flatten() + (size - 1) / 2 + geometry.axis_offset_px
    nearest = shadow.round()
    edges = nearest - shadow + torch.tensor([-1.5, -0.5, 0.5, 1.5], dtype=torch.float64, device=device)[:, None]
    weight = shadow_area_left_of(edges, abs(cosine), abs(sine)).diff(dim=0)
    detector = nearest.long() + torch.tensor([-1, 0, 1], device=device)[:, None]
    inside = (detector >= 0) & (detector < size)
    return detector.clamp(0, size - 1), torch.where(inside, weight, 0.0).to(dtype)


def shadow_area_left_of(position: torch.Tensor, wide: float, narrow: float) -> torch.Tensor:
    """Area of a pixel's shadow left of ``position``, measured from the shadow's centre: 0 far left, 1 far right.

    ``wide`` and ``narrow`` are |cos| and |sin| of the tilt, in either order.
    """
    wide, narrow = max(wide, narrow), min(wide, narrow)
    reach, flat = (wide + narrow) / 2, (wide - narrow) / 2
    distance = position.abs()
    # The sloping flanks vanish with the narrow side; where they do, no position lies between flat and reach.
    flank = 0.5 - (reach - distance).clamp(min=0) ** 2 / (2 * wide * max(narrow, 1e-300))
    half = torch.where(distance <= flat, distance / wide, torch.where(distance >= reach, 0.5, flank))
    return 0.5 + half * position.sign()
