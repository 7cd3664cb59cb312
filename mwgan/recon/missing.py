"""The missing wedge in a slice's Fourier plane.

By the central-slice theorem the projection at a tilt measures the frequencies on one line, of direction (x: cos, z: -sin) in the
convention of :mod:`mwgan.geometry`. No projection contains the frequencies of the wedge between these lines.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from mwgan.geometry import Measurement
from mwgan.recon.wbp import WEDGE_GAP, distinct_directions

REACH_PX = 0.5  # of the Fourier plane's pixels: a slice of N pixels has no finer structure there


def wedge_mask(measurement: Measurement, wedge_gap: float = WEDGE_GAP) -> Tensor:
    """Frequencies that no tilt measures: boolean (1 or B, 1, N, N), True = missing, ordered as ``torch.fft.fft2``.

    A tilt at the wedge's edge covers half a tilt step beyond its line and :data:`REACH_PX` to its side, so that the zero
    frequency is always measured.

    Parameters
    ----------
    measurement
        The tilts, and which of them were measured; a mask (A,) gives one wedge for all samples, (B, 1, A, 1) one each. A tilt
        counts if any of its pixels was measured.
    wedge_gap
        A gap between measured tilts this many times their median is a missing wedge, a narrower one a coarse step: as in
        :class:`mwgan.recon.WBP`.
    """
    size, device = measurement.geometry.detector_size, measurement.sinogram.device
    frequency = torch.fft.fftfreq(size, d=1.0 / size, dtype=torch.float64, device=device)
    z, x = torch.meshgrid(frequency, frequency, indexing="ij")
    radius, direction_deg = torch.hypot(x, z), torch.rad2deg(torch.atan2(-z, x)) % 180.0
    patterns = []
    for row in measurement.measured_tilts[:, 0, :, 0].tolist():
        missing = torch.zeros(size, size, dtype=torch.bool, device=device)
        for first_deg, last_deg, step_deg in wedges(_measured_tilts(measurement, row), wedge_gap):
            past_deg = (direction_deg - first_deg) % 180.0
            left_deg = (last_deg - first_deg) - past_deg
            beyond_deg = torch.minimum(past_deg, left_deg)
            aside = radius * torch.sin(torch.deg2rad(beyond_deg))
            missing |= (beyond_deg > step_deg / 2) & (aside > REACH_PX)
        # The Nyquist frequency of an even size stands for both signs: missing if both are, so that the inverse is real.
        patterns.append(missing & missing.flip(0, 1).roll((1, 1), (0, 1)))
    return torch.stack(patterns).unsqueeze(1)


def wedge_widths_deg(measurement: Measurement, wedge_gap: float = WEDGE_GAP) -> Tensor:
    """Width of the widest missing wedge, (1 or B,), degrees; 0 if there is none. Parameters as for :func:`wedge_mask`."""
    rows = measurement.measured_tilts[:, 0, :, 0].tolist()
    found = [[after - before for before, after, _ in wedges(_measured_tilts(measurement, row), wedge_gap)] for row in rows]
    return torch.tensor([max(widths, default=0.0) for widths in found], dtype=torch.float64, device=measurement.sinogram.device)


def wedges(tilt_deg: list[float], wedge_gap: float = WEDGE_GAP) -> list[tuple[float, float, float]]:
    """The gaps between measured tilts that are missing wedges: (last tilt before, first tilt after, usual step), degrees.

    The tilt after is counted onwards from the one before, so that -60 … 60 gives (60, 120, step). With a single tilt all
    but its own line is missing.
    """
    direction = [(group[0] + group[-1]) / 2 for group in distinct_directions(sorted(tilt % 180.0 for tilt in tilt_deg))]
    gaps = [(before, after) for before, after in itertools.pairwise([*direction, direction[0] + 180.0])]
    widths = sorted(after - before for before, after in gaps)
    step = widths[(len(widths) - 1) // 2] if len(widths) > 1 else 0.0
    return [(before, after, step) for before, after in gaps if after - before > wedge_gap * step]


def _measured_tilts(measurement: Measurement, row: list[bool]) -> list[float]:
    return [tilt for tilt, seen in zip(measurement.geometry.tilt_deg, row, strict=True) if seen]
