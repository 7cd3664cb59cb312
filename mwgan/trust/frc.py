"""Fourier ring correlation with the truth, in the missing wedge and outside it."""

from __future__ import annotations

import torch
from torch import Tensor

from mwgan.geometry import Measurement
from mwgan.recon.missing import wedge_mask

ROUND_OFF = 1e-12  # share of a slice's power from float32 rounding errors


def fourier_ring_correlation(tomogram: Tensor, image: Tensor, inside: Tensor | None = None) -> Tensor:
    """Correlation of two slices (B, 1, N, N) on rings of their Fourier planes, (B, N // 2) for the rings 1 … N // 2.

    1 where they agree, about 0 where they are unrelated, 0 where one of them is empty. Ring r contains
    the frequencies that round to r periods per slice. With ``inside``, boolean (1 or B, 1, N, N) and ordered as
    ``torch.fft.fft2``, only the frequencies where it is true count, and a ring without any is NaN.

    References
    ----------
    Saxton and Baumeister, J. Microscopy 127 (1982) 127–138; van Heel, Ultramicroscopy 21 (1987) 95–100.
    """
    first, second = torch.fft.fft2(tomogram.double()), torch.fft.fft2(image.double())
    samples, size = len(first), first.shape[-1]
    frequency = torch.fft.fftfreq(size, d=1.0 / size, dtype=torch.float64, device=first.device)
    ring = torch.hypot(frequency[:, None], frequency).round().long().clamp(max=size // 2 + 1)
    inside = torch.ones_like(ring, dtype=torch.bool) if inside is None else inside.to(first.device)
    counted = inside.expand(samples, 1, size, size).flatten(1).double()

    def over_rings(values: Tensor) -> Tensor:
        sums = values.new_zeros(samples, size // 2 + 2)
        return sums.index_add(1, ring.flatten(), values.flatten(1) * counted)[:, 1:-1]

    together = over_rings((first * second.conj()).real)
    powers, present = torch.ones_like(together), torch.ones_like(together, dtype=torch.bool)
    for spectrum in (first, second):
        power = spectrum.abs().square()
        sums = over_rings(power)
        present &= sums > ROUND_OFF * power.flatten(1).sum(dim=1, keepdim=True)
        powers *= sums
    correlation = torch.where(present, together / powers.clamp(min=torch.finfo(powers.dtype).tiny).sqrt(), 0.0)
    return torch.where(over_rings(together.new_ones(samples, size, size)) > 0, correlation, torch.nan)


def frc_inside_outside(tomogram: Tensor, image: Tensor, measurement: Measurement) -> dict[str, Tensor]:
    """Mean Fourier ring correlation of tomograms (B, 1, N, N) with their images, in the missing wedge and outside it.

    ``frc_inside`` (B,) measures whether the content in the wedge is correct, not its amount
    (as :func:`mwgan.trust.added_share`), and is NaN if there is no wedge; ``frc_outside`` (B,) measures how well the measured
    part was preserved. Each is the unweighted mean over the rings 1 … N // 2 that have a pixel of its region.
    """
    missing = wedge_mask(measurement)
    return {
        "frc_inside": fourier_ring_correlation(tomogram, image, missing).nanmean(dim=1),
        "frc_outside": fourier_ring_correlation(tomogram, image, ~missing).nanmean(dim=1),
    }
