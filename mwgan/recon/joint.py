"""The joint model of Ding 2019: a sinogram is inpainted, back-projected, and its tomogram cleaned."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from mwgan.geometry import Measurement
from mwgan.recon.inpainting import InpaintSinogram
from mwgan.recon.wbp import WBP


class JointModel(nn.Module):
    """Both stages behind the face of every reconstructor: a measurement in, tomograms (B, 1, N, N) out; differentiable.

    Any tilts will do; how those off the network's grid are brought onto it and back is told in
    :mod:`mwgan.recon.inpainting`.

    Parameters
    ----------
    inpainter
        Completes sinograms: (B, 2, A, N) to (B, 1, A, N), see :class:`mwgan.recon.InpaintSinogram`.
    restorer
        Cleans tomograms: (B, C, N, N) to (B, 1, N, N), with C = 2 if ``measured_channel`` else 1.
    detector_size, step_deg
        Grid of the inpainter.
    filter
        Window of the WBP between the two; our choice.
    measured_channel
        Show the restorer the WBP of the measured rows alone as well, so that no error of the inpainter is final. The
        paper shows it the inpainted tomogram only.
    """

    def __init__(
        self,
        inpainter: nn.Module,
        restorer: nn.Module,
        detector_size: int,
        step_deg: float,
        filter: str = "ramp",
        measured_channel: bool = False,
    ) -> None:
        super().__init__()
        self.inpainter, self.restorer = inpainter, restorer
        self.sinograms, self.wbp = InpaintSinogram(detector_size, step_deg, filter), WBP(filter)
        self.measured_channel = measured_channel

    def forward(self, seen: Measurement | Tensor) -> Tensor:
        """A measurement goes through both stages; what :meth:`view` prepared goes through the restorer alone."""
        if isinstance(seen, Measurement):
            seen = self.view(self.inpainted(seen), seen)
        output: Tensor = self.restorer(seen)
        return output

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compiles the two networks; the back-projection between them is no work for a compiler."""
        for network in (self.inpainter, self.restorer):
            network.compile(*args, **kwargs)

    def inpainted(self, measurement: Measurement, inpainter: nn.Module | None = None) -> Tensor:
        """WBP (B, 1, N, N) of the measurement as the inpainter (or another one) completes it."""
        network = inpainter or self.inpainter
        if self.sinograms.on_grid(measurement):
            return self.sinograms.wbp(self.sinograms.complete(network, measurement))
        size = measurement.geometry.detector_size
        tomogram = measurement.sinogram.new_zeros(len(measurement.sinogram), 1, size, size)
        for samples, group in measurement.by_tilts():
            tomogram[samples] = self.sinograms.wbp(self.sinograms.complete(network, group))
        return tomogram

    def view(self, tomogram: Tensor, measurement: Measurement) -> Tensor:
        """What the restorer is shown of a tomogram (B, 1, N, N) made from a measurement: (B, C, N, N)."""
        return torch.cat([tomogram, self.wbp(measurement)], dim=1) if self.measured_channel else tomogram
