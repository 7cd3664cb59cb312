"""The joint model of Ding 2019: it inpaints a sinogram, back-projects it, and removes artifacts from the tomogram."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from mwgan.geometry import Measurement
from mwgan.recon.inpainting import InpaintSinogram
from mwgan.recon.wbp import WBP


class JointModel(nn.Module):
    """Both stages with the interface of a reconstructor: a measurement in, tomograms (B, 1, N, N) out; differentiable.

    It takes any tilts; :mod:`mwgan.recon.inpainting` describes how those off the network's grid are resampled.

    Parameters
    ----------
    inpainter
        Completes sinograms: (B, 2, A, N) to (B, 1, A, N), see :class:`mwgan.recon.InpaintSinogram`.
    restorer
        Removes artifacts from tomograms: (B, C, N, N) to (B, 1, N, N), with C = 2 if ``measured_channel`` else 1.
    detector_size, step_deg
        The inpainter's grid.
    filter
        Window of the WBP between the two stages; our choice.
    measured_channel
        The restorer also gets the WBP of the measured rows alone, so that it can correct errors of the inpainter. In the
        paper it gets the inpainted tomogram only.
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
        """Apply both stages to a measurement; to the output of :meth:`view` the restorer alone."""
        if isinstance(seen, Measurement):
            seen = self.view(self.inpaint(seen), seen)
        output: Tensor = self.restorer(seen)
        return output

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compile the two networks, without the back-projection between them."""
        for network in (self.inpainter, self.restorer):
            network.compile(*args, **kwargs)

    def inpaint(self, measurement: Measurement, inpainter: nn.Module | None = None) -> Tensor:
        """WBP (B, 1, N, N) of the measurement, completed by the inpainter (or another one)."""
        network = inpainter or self.inpainter
        if self.sinograms.on_grid(measurement):
            return self.sinograms.wbp(self.sinograms.complete(network, measurement))
        size = measurement.geometry.detector_size
        tomogram = measurement.sinogram.new_zeros(len(measurement.sinogram), 1, size, size)
        for samples, group in measurement.by_tilts():
            tomogram[samples] = self.sinograms.wbp(self.sinograms.complete(network, group))
        return tomogram

    def view(self, tomogram: Tensor, measurement: Measurement) -> Tensor:
        """The restorer's input (B, C, N, N) for a tomogram (B, 1, N, N) of a measurement."""
        return torch.cat([tomogram, self.wbp(measurement)], dim=1) if self.measured_channel else tomogram
