"""Learned primal–dual reconstruction: a network that projects and compares with the measurement, again and again."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mwgan.errors import InputError
from mwgan.geometry import Measurement
from mwgan.networks import UNet
from mwgan.operators import projector_for
from mwgan.recon.unmeasured import bridged, spanned
from mwgan.recon.wbp import WBP

Operator = Callable[[Tensor], Tensor]
MEDIAN_OF_NORMAL = 0.6745  # of the absolute value, in standard deviations
SQUARES = 6  # 1 + 4 + 1


class LearnedPrimalDual(nn.Module):
    """Unrolled primal–dual iterations between a sinogram and its tomogram: a measurement to tomograms (B, 1, N, N).

    Every iteration projects the tomogram of the moment, looks at it beside the measurement, and back-projects (filtered)
    what it makes of the two. Tilts, wedge and noise are part of what it is given, so that one set of weights serves any
    tilt list, wedge and size of slice. Rows that were not measured and rows that aren't there are the same to it; pixels of a row that
    were not measured stay empty like these, but where a row is filtered.

    Parameters
    ----------
    iterations
        Unrolled steps.
    memory
        Channels of the tomogram and of the sinogram that are carried from step to step.
    dual_width
        Channels of the sinogram blocks, three 3 x 3 convolutions each.
    primal_width, primal_depth
        Channels and poolings of the tomogram blocks, small U-Nets.
    filter
        Window of the filtered back-projection.
    checkpointed
        Recompute each step in the backward pass instead of keeping its activations: a third more time, a fraction of the memory.

    References
    ----------
    Adler and Öktem, Learned primal-dual reconstruction, IEEE Trans. Med. Imaging 37 (2018), doi 10.1109/TMI.2018.2799231,
    algorithm 3. The U-Nets in the image domain and the filter before back-projecting are common additions.
    """

    any_size = True  # it projects slices itself: streaks are the operator's business

    def __init__(
        self,
        iterations: int = 6,
        memory: int = 4,
        dual_width: int = 32,
        primal_width: int = 16,
        primal_depth: int = 2,
        filter: str = "ramp",
        checkpointed: bool = False,
    ) -> None:
        super().__init__()
        if iterations < 1 or memory < 1:
            raise InputError(f"a primal-dual network needs 1 iteration and 1 channel of memory or more, not {iterations} and {memory}")
        self.memory, self.checkpointed = memory, checkpointed
        self.wbp = WBP(filter)
        self.dual = nn.ModuleList(SinogramBlock(memory + 4, memory, dual_width) for _ in range(iterations))
        self.primal = nn.ModuleList(UNet(memory + 2, memory, primal_width, primal_depth, "none") for _ in range(iterations))
        for block in self.primal:  # an untrained network is nearly the WBP
            nn.init.normal_(block.head.convolution.weight, std=1e-2)  # type: ignore[union-attr, arg-type]
            nn.init.zeros_(block.head.convolution.bias)  # type: ignore[union-attr, arg-type]

    def forward(self, measurement: Measurement) -> Tensor:
        if measurement.measured.ndim == 1 or measurement.by_pixel:
            measurement = measurement.only_measured()
        geometry, measured = measurement.geometry, measurement.mask.expand(len(measurement.sinogram), -1, -1, -1)
        mask = measured.to(measurement.sinogram.dtype)
        unit = 2 / geometry.detector_size  # line integrals through a slice of ones reach 2 whatever its size
        projector = projector_for(geometry)
        sinogram = unit * measurement.sinogram * mask
        noise = noise_level(sinogram, measured)

        def project(image: Tensor) -> Tensor:
            projected: Tensor = projector(image)
            return unit * projected * mask

        weights = self.wbp.weights(measurement)

        within = spanned(measured)

        def back_project(rows: Tensor) -> Tensor:
            # A filter takes a row that ends for one that drops to zero. Holes stay: in a sinogram of memory they say something.
            return self.wbp.back_project(bridged(rows, within) / unit, geometry, weights)

        primal = torch.cat([back_project(bridged(sinogram, measured))] * self.memory, dim=1)
        dual = sinogram.new_zeros(len(sinogram), self.memory, *sinogram.shape[-2:])
        for number in range(len(self.dual)):
            if self.checkpointed and torch.is_grad_enabled():
                primal, dual = checkpoint(
                    self._step, number, primal, dual, sinogram, mask, noise, project, back_project, use_reentrant=False
                )
            else:
                primal, dual = self._step(number, primal, dual, sinogram, mask, noise, project, back_project)
        return primal[:, :1]

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compiles the networks between the projections, which are no work for a compiler."""
        for block in (*self.dual, *self.primal):
            block.compile(*args, **kwargs)

    def _step(
        self,
        number: int,
        primal: Tensor,
        dual: Tensor,
        sinogram: Tensor,
        mask: Tensor,
        noise: Tensor,
        project: Operator,
        back_project: Operator,
    ) -> tuple[Tensor, Tensor]:
        predicted = project(primal[:, 1:2] if self.memory > 1 else primal)
        level = noise.expand(-1, 1, *sinogram.shape[-2:]) * mask
        seen = torch.cat([dual, predicted, sinogram, predicted - sinogram, level], dim=1)
        dual = dual + self.dual[number](seen, mask)
        back = back_project(dual[:, :1])
        shown = torch.cat([primal, back, noise.expand(-1, 1, *primal.shape[-2:])], dim=1)
        return primal + self.primal[number](shown), dual


class SinogramBlock(nn.Module):
    """Three 3 x 3 convolutions over tilts and detector, (B, in, A, N) to (B, out, A, N); rows without data stay empty throughout."""

    def __init__(self, inputs: int, outputs: int, width: int) -> None:
        super().__init__()
        channels = (inputs, width, width, outputs)
        self.convolutions = nn.ModuleList(nn.Conv2d(before, after, 3, padding=1) for before, after in itertools.pairwise(channels))
        self.activations = nn.ModuleList(nn.PReLU(width) for _ in range(2))
        nn.init.normal_(self.convolutions[-1].weight, std=1e-2)  # type: ignore[arg-type]
        nn.init.zeros_(self.convolutions[-1].bias)  # type: ignore[arg-type]

    def forward(self, rows: Tensor, mask: Tensor) -> Tensor:
        for convolution, activation in zip(self.convolutions, (*self.activations, nn.Identity()), strict=True):
            rows = activation(convolution(rows)) * mask
        return rows


def noise_level(sinogram: Tensor, mask: Tensor) -> Tensor:
    """About the standard deviation of white noise (B, 1, 1, 1) on the measured rows, from second differences along the detector.

    Their median resists edges, and what is smooth over three pixels leaves no trace in them; what fine structure leaves
    makes the answer up to a half too large where there is little noise.
    """
    difference = second_difference(sinogram)
    measured = in_threes(mask).expand(len(sinogram), 1, -1, difference.shape[-1])
    middle = torch.where(measured, difference, torch.nan).flatten(1).nanmedian(dim=1).values
    return (middle / (MEDIAN_OF_NORMAL * math.sqrt(SQUARES))).reshape(-1, 1, 1, 1)


def in_threes(mask: Tensor) -> Tensor:
    """Of which three neighbours along the detector all were measured: (..., N) to (..., N - 2); (..., 1), of whole rows, stays."""
    return mask if mask.shape[-1] == 1 else mask[..., 2:] & mask[..., 1:-1] & mask[..., :-2]


def second_difference(rows: Tensor) -> Tensor:
    """|left - 2 middle + right| (..., N - 2) of every three neighbours along the detector (..., N): noise, and hardly anything smooth.

    The square of white noise of variance 1 has a mean of :data:`SQUARES` in it, and its median is
    :data:`MEDIAN_OF_NORMAL` times the root of that.
    """
    return (rows[..., 2:] - 2 * rows[..., 1:-1] + rows[..., :-2]).abs()
