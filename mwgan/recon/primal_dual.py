"""Learned primal–dual reconstruction: an unrolled network with the projector inside."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mwgan.errors import InputError
from mwgan.geometry import Measurement
from mwgan.networks import UNet
from mwgan.recon.guided import GuidedMeasurement
from mwgan.recon.primal_dual_view import CONDITIONS, View
from mwgan.recon.tvm import TVM
from mwgan.recon.wbp import WBP


class LearnedPrimalDual(nn.Module):
    """Unrolled primal–dual iterations between a sinogram and its tomogram: a measurement to tomograms (B, 1, N, N).

    Every iteration projects the current tomogram, compares it with the measurement in a network, and back-projects (filtered)
    the output. Tilts, wedge and noise are inputs, so that one set of weights serves any tilt list, wedge and slice size. Rows
    that were not measured are treated like rows that don't exist; so are single pixels that were not measured, except
    when a row is filtered.

    Parameters
    ----------
    iterations
        Unrolled steps.
    memory
        Channels of the tomogram and of the sinogram that are passed from step to step.
    dual_width
        Channels of the sinogram blocks, three 3 x 3 convolutions each.
    primal_width, primal_depth
        Channels and poolings of the tomogram blocks, small U-Nets.
    filter
        Window of the filtered back-projection.
    checkpointed
        Recompute each step in the backward pass instead of storing its activations: a third more time, a fraction of the memory.
    guess_iterations
        Iterations at most of TVM, its weight from the noise, for an initial guess that is also an input of every step, with the
        wedge, the tilt step and the specimen's size; sinograms are then scaled by the specimen's size instead of the frame's. 0 is
        the first version of the network, which starts from the WBP.
    neighbours
        Slices on either side that are used as well, if the measurement has them; the differences of their rows are inputs of every
        step.

    References
    ----------
    Adler and Öktem, Learned primal-dual reconstruction, IEEE Trans. Med. Imaging 37 (2018), doi 10.1109/TMI.2018.2799231,
    algorithm 3. The U-Nets in the image domain and the filter before back-projecting are common additions.
    """

    any_size = True  # the projections inside adapt to the size

    def __init__(
        self,
        iterations: int = 6,
        memory: int = 4,
        dual_width: int = 32,
        primal_width: int = 16,
        primal_depth: int = 2,
        filter: str = "ramp",
        checkpointed: bool = False,
        guess_iterations: int = 0,
        neighbours: int = 0,
    ) -> None:
        super().__init__()
        least = 2 if guess_iterations else 1
        if iterations < 1 or memory < least or guess_iterations < 0 or neighbours < 0:
            raise InputError(
                f"a primal-dual network needs 1 or more iterations, {least} or more channels of memory, 0 or more iterations for its "
                f"guess and 0 or more neighbours, not {iterations}, {memory}, {guess_iterations} and {neighbours}"
            )
        self.memory, self.checkpointed, self.neighbours = memory, checkpointed, neighbours
        self.wbp = WBP(filter)
        self.guess = TVM(weight=None, iterations=guess_iterations) if guess_iterations else None
        conditions = CONDITIONS if guess_iterations else 0
        self.dual = nn.ModuleList(SinogramBlock(memory + 4 + conditions + 2 * neighbours, memory, dual_width) for _ in range(iterations))
        inputs = memory + 2 + (1 + conditions if guess_iterations else 0)
        self.primal = nn.ModuleList(UNet(inputs, memory, primal_width, primal_depth, "none") for _ in range(iterations))
        for block in self.primal:  # an untrained network nearly outputs the WBP
            nn.init.normal_(block.head.convolution.weight, std=1e-2)  # type: ignore[union-attr, arg-type]
            nn.init.zeros_(block.head.convolution.bias)  # type: ignore[union-attr, arg-type]

    def forward(self, seen: Measurement | GuidedMeasurement) -> Tensor:
        last = None
        for last in self._steps(seen):  # noqa: B007  # earlier ones are freed
            pass
        assert last is not None
        return last

    def iterates(self, seen: Measurement | GuidedMeasurement) -> list[Tensor]:
        """The tomogram (B, 1, N, N) after each of the steps."""
        return list(self._steps(seen))

    def _steps(self, seen: Measurement | GuidedMeasurement) -> Iterator[Tensor]:
        measurement, guess = seen if isinstance(seen, GuidedMeasurement) else (seen, None)
        if measurement.measured.ndim == 1 or measurement.by_pixel:
            measurement = measurement.only_measured()
        if guess is None and self.guess is not None:
            guess = self.guess(measurement)
        view = View(measurement, self.wbp, specimen_units=self.guess is not None)
        for_primal = [] if guess is None else [guess, *view.conditions(guess)]
        for_dual = [*([] if guess is None else view.conditions(view.sinogram)), *view.neighbour_differences(self.neighbours)]
        start = view.initial()
        primal = torch.cat([start] * self.memory if guess is None else [guess, guess, *[start] * (self.memory - 2)], dim=1)
        dual = start.new_zeros(len(start), self.memory, *view.sinogram.shape[-2:])
        for number in range(len(self.dual)):
            if self.checkpointed and torch.is_grad_enabled():
                primal, dual = checkpoint(self._step, number, primal, dual, view, for_primal, for_dual, use_reentrant=False)
            else:
                primal, dual = self._step(number, primal, dual, view, for_primal, for_dual)
            yield primal[:, :1]

    @staticmethod
    def continues_from(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> bool:
        """Whether a network with arguments ``ours`` can start from the weights of one with ``theirs``: fewer inputs or fewer steps."""
        free = dict.fromkeys(("guess_iterations", "neighbours", "checkpointed", "iterations"))
        less = bool(theirs.get("guess_iterations")) <= bool(ours.get("guess_iterations"))
        less = less and all(theirs.get(name, before) <= ours.get(name, before) for name, before in (("neighbours", 0), ("iterations", 6)))
        return less and {**theirs, **free} == {**ours, **free}

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *others: Any) -> None:
        """Accept the weights of a network with fewer input channels or fewer steps as well, so that training can start from them.

        Weights of new channels are zero, and new steps are copies of the last one with zero output: the tomogram is unchanged.
        """
        known = sum(f"{prefix}dual.{step}.convolutions.0.weight" in state_dict for step in range(len(self.dual)))
        for step in range(known, len(self.dual) if known else 0):
            for block, last in (("dual", "convolutions.2"), ("primal", "head.convolution")):
                copied = f"{prefix}{block}.{known - 1}."
                for name in [name for name in state_dict if name.startswith(copied)]:
                    inside, value = name.removeprefix(copied), state_dict[name]
                    state_dict[f"{prefix}{block}.{step}.{inside}"] = torch.zeros_like(value) if inside.startswith(last) else value.clone()
        for name, parameter in self.named_parameters():
            given = state_dict.get(prefix + name)
            if given is not None and given.ndim == 4 and given.shape[0] == parameter.shape[0] and given.shape[2:] == parameter.shape[2:]:
                missing = parameter.shape[1] - given.shape[1]
                if missing > 0:
                    state_dict[prefix + name] = nn.functional.pad(given, (0, 0, 0, 0, 0, missing))
        super()._load_from_state_dict(state_dict, prefix, *others)  # type: ignore[no-untyped-call]

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compile the networks, without the projections between them."""
        for block in (*self.dual, *self.primal):
            block.compile(*args, **kwargs)

    def _step(
        self, number: int, primal: Tensor, dual: Tensor, view: View, for_primal: list[Tensor], for_dual: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        predicted = view.project(primal[:, 1:2] if self.memory > 1 else primal)
        level = view.noise.expand(-1, 1, *view.sinogram.shape[-2:]) * view.mask
        seen = torch.cat([dual, predicted, view.sinogram, predicted - view.sinogram, level, *for_dual], dim=1)
        dual = dual + self.dual[number](seen, view.mask)
        back = view.back_project(dual[:, :1])
        seen = torch.cat([primal, back, view.noise.expand(-1, 1, *primal.shape[-2:]), *for_primal], dim=1)
        return primal + self.primal[number](seen), dual


class SinogramBlock(nn.Module):
    """Three 3 x 3 convolutions over tilts and detector, (B, in, A, N) to (B, out, A, N); rows without data stay empty."""

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
