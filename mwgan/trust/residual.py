"""Data residuals of a tomogram: its projections compared with the measurement and with the noise."""

from __future__ import annotations

import torch
from torch import Tensor

from mwgan.geometry import Measurement
from mwgan.operators import projector_for
from mwgan.recon.noise import MEDIAN_OF_NORMAL, SQUARES, second_difference, whole_triples

BRIGHTNESSES = 4  # classes; with more, one would contain only edges


def residual_map(tomogram: Tensor, measurement: Measurement) -> Tensor:
    """A x - b on the measured pixels and 0 elsewhere, (B, 1, A, N) line integrals in pixel units, of tomograms (B, 1, N, N)."""
    return (projector_for(measurement.geometry)(tomogram) - measurement.sinogram) * measurement.mask


def relative_residual(tomogram: Tensor, measurement: Measurement) -> Tensor:
    """||M (A x - b)|| / ||M b|| on the measured pixels M, (B,), for tomograms (B, 1, N, N).

    At :func:`noise_residual` a tomogram fits the data within the noise; far above, it contradicts the measurement; far
    below, it overfits noise.
    """
    return _relative(energy(residual_map(tomogram, measurement)).sqrt(), measurement)


def noise_residual(measurement: Measurement) -> Tensor:
    """The :func:`relative_residual` expected from noise alone, (B,): about that of the truth.

    As accurate as :func:`noise_deviation`, on which it is based.
    """
    pixels = measurement.mask.expand(-1, -1, -1, measurement.sinogram.shape[-1]).sum(dim=(1, 2, 3)).double()
    return _relative(noise_deviation(measurement).flatten() * pixels.sqrt(), measurement)


def energy(values: Tensor) -> Tensor:
    """Sums of squares (B,) of slices or sinograms (B, 1, H, W), float64, as in a detector's units they may exceed float32."""
    return values.double().square().flatten(1).sum(dim=1)


def noise_deviation(measurement: Measurement) -> Tensor:
    """Root mean square of the noise on the measured pixels, (B, 1, 1, 1) line integrals, from second differences along the detector.

    Their median is robust to edges, as in :func:`mwgan.recon.noise.noise_level`; it is taken for each quarter of the pixels by
    brightness, because Poisson noise grows with the signal and the median of all pixels is often one of the empty
    surroundings. Fine structure makes the estimate too large. On synthetic images:

    ==============================================  ===============  ==============
    noise at the brightest pixel                    at 64 pixels     at 128 pixels
    ==============================================  ===============  ==============
    white, 2 %                                      14 to 18 % high  3 to 5 % high
    white, 5 %                                      3 to 5 % high    1 to 2 % high
    counting, 2 %                                   31 to 41 % high  5 to 9 % high
    counting, 5 %                                   7 to 11 % high   within 2 %
    none: found is what white noise would give of   0.7 to 0.9 %     0.2 to 0.3 %
    ==============================================  ===============  ==============

    Noise that is correlated between neighbouring pixels, as after an interpolating alignment, is underestimated.
    """
    rows = measurement.sinogram[:, 0]
    counted = whole_triples(measurement.mask).expand(len(rows), 1, -1, rows.shape[-1] - 2)[:, 0]
    return torch.stack([_noise(*one) for one in zip(rows, counted, strict=True)]).reshape(-1, 1, 1, 1)


def _noise(rows: Tensor, counted: Tensor) -> Tensor:
    """RMS noise on rows (A, N), from the second differences that count (A, N - 2)."""
    if not bool(counted.any()):
        return rows.new_zeros(())
    brightness = (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:])[counted]
    difference = second_difference(rows)[counted][brightness.argsort()]
    parts = [part.median().double().square() * len(part) for part in difference.chunk(BRIGHTNESSES)]
    variance = torch.stack(parts).sum() / len(difference) / SQUARES
    return (variance.sqrt() / MEDIAN_OF_NORMAL).to(rows)


def _relative(norm: Tensor, measurement: Measurement) -> Tensor:
    """A norm (B,) relative to that of the data; unmeasured pixels are always zero."""
    data = energy(measurement.sinogram).sqrt()
    return (norm / data.clamp(min=torch.finfo(data.dtype).tiny)).to(measurement.sinogram.dtype)
