"""The unmeasured part of a reconstruction: its content in the missing wedge of the slice's Fourier plane.

Content in the wedge (:mod:`mwgan.recon.missing`) comes from the method's prior or its training, and no measured projection
could have contradicted it.

Slices are not windowed. A specimen with empty surroundings has no jump between opposite borders that could leak
along the axes of the Fourier plane; streaks that cross the border leak a little (a WBP of phantom faces with a wedge of 60
degrees has 1.7 % of its energy in the wedge, the faces themselves 32 %), but a window would cut them off, and a cut
streak fills the wedge: 10 %.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mwgan.geometry import Measurement
from mwgan.recon.missing import wedge_mask
from mwgan.trust.residual import energy


def added_part(tomogram: Tensor, measurement: Measurement) -> Tensor:
    """The part of tomograms (B, 1, N, N) in the missing wedge, (B, 1, N, N) in their units and with mean 0."""
    part: Tensor = torch.fft.ifft2(torch.fft.fft2(tomogram) * wedge_mask(measurement)).real
    return part


def error_inside_outside(tomogram: Tensor, image: Tensor, measurement: Measurement) -> dict[str, Tensor]:
    """The two parts of the NRMSE of tomograms (B, 1, N, N): in the missing wedge and in the measured directions.

    ``nrmse_inside`` and ``nrmse_outside`` (B,) are the norms of the error's two parts in the Fourier plane over that of the
    image: their squares add up to the square of :func:`mwgan.metrics.image_metrics`' ``nrmse``.
    """
    spectrum = torch.fft.fft2((tomogram - image).double(), norm="ortho").abs().square()
    missing, norm = wedge_mask(measurement), energy(image).clamp(min=torch.finfo(torch.float64).tiny)
    parts = {"nrmse_inside": missing, "nrmse_outside": ~missing}
    return {name: ((spectrum * part).flatten(1).sum(dim=1) / norm).sqrt() for name, part in parts.items()}


def added_share(tomogram: Tensor, measurement: Measurement) -> Tensor:
    """Share of the energy of tomograms (B, 1, N, N) in the missing wedge, (B,) in [0, 1]; their mean doesn't count."""
    varying = tomogram - tomogram.mean(dim=(2, 3), keepdim=True)
    whole = energy(varying)
    return (energy(added_part(varying, measurement)) / whole.clamp(min=torch.finfo(whole.dtype).tiny)).to(tomogram.dtype)
