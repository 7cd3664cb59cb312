"""Learned primal–dual reconstruction: a network that projects and compares with the measurement, again and again."""

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
    guess_iterations
        At most so many iterations of TVM, its weight from the noise, make a guess that the network begins with and that every
        step is shown again, beside the wedge, the tilts' spacing and the specimen's size; and sinograms are measured by the
        specimen, not by the frame. 0 is the network's first edition, which begins with the WBP.
    neighbours
        So many slices on either side of one are looked at, too, where a measurement brings them; each step is shown how their rows
        differ from its own.

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
        guess_iterations: int = 0,
        neighbours: int = 0,
    ) -> None:
        super().__init__()
        least = 2 if guess_iterations else 1
        if iterations < 1 or memory < least or guess_iterations < 0 or neighbours < 0:
            raise InputError(
                f"a primal-dual network needs 1 iteration, {least} or more channels of memory and no fewer than 0 iterations for its "
                f"guess and 0 neighbours, not {iterations}, {memory}, {guess_iterations} and {neighbours}"
            )
        self.memory, self.checkpointed, self.neighbours = memory, checkpointed, neighbours
        self.wbp = WBP(filter)
        self.guess = TVM(weight=None, iterations=guess_iterations) if guess_iterations else None
        told = CONDITIONS if guess_iterations else 0
        self.dual = nn.ModuleList(SinogramBlock(memory + 4 + told + 2 * neighbours, memory, dual_width) for _ in range(iterations))
        inputs = memory + 2 + (1 + told if guess_iterations else 0)
        self.primal = nn.ModuleList(UNet(inputs, memory, primal_width, primal_depth, "none") for _ in range(iterations))
        for block in self.primal:  # an untrained network is nearly the WBP
            nn.init.normal_(block.head.convolution.weight, std=1e-2)  # type: ignore[union-attr, arg-type]
            nn.init.zeros_(block.head.convolution.bias)  # type: ignore[union-attr, arg-type]

    def forward(self, seen: Measurement | GuidedMeasurement) -> Tensor:
        last = None
        for last in self._steps(seen):  # noqa: B007  # those before it are let go
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
        shown = [] if guess is None else [guess, *view.conditions(guess)]
        told = [*([] if guess is None else view.conditions(view.sinogram)), *view.beside(self.neighbours)]
        start = view.first()
        primal = torch.cat([start] * self.memory if guess is None else [guess, guess, *[start] * (self.memory - 2)], dim=1)
        dual = start.new_zeros(len(start), self.memory, *view.sinogram.shape[-2:])
        for number in range(len(self.dual)):
            if self.checkpointed and torch.is_grad_enabled():
                primal, dual = checkpoint(self._step, number, primal, dual, view, shown, told, use_reentrant=False)
            else:
                primal, dual = self._step(number, primal, dual, view, shown, told)
            yield primal[:, :1]

    @staticmethod
    def continues_from(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> bool:
        """Whether a network of such arguments can begin with the weights of one of other arguments, that sees less or takes fewer steps."""
        free = dict.fromkeys(("guess_iterations", "neighbours", "checkpointed", "iterations"))
        less = bool(theirs.get("guess_iterations")) <= bool(ours.get("guess_iterations"))
        less = less and all(theirs.get(name, before) <= ours.get(name, before) for name, before in (("neighbours", 0), ("iterations", 6)))
        return less and {**theirs, **free} == {**ours, **free}

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *others: Any) -> None:
        """Weights of a network with fewer input channels or fewer steps serve, too, so that training can continue from it.

        New channels begin with zeros, and new steps as copies of the last one whose outputs are zero: the tomogram is the same.
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
                lacking = parameter.shape[1] - given.shape[1]
                if lacking > 0:
                    state_dict[prefix + name] = nn.functional.pad(given, (0, 0, 0, 0, 0, lacking))
        super()._load_from_state_dict(state_dict, prefix, *others)  # type: ignore[no-untyped-call]

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compiles the networks between the projections, which are no work for a compiler."""
        for block in (*self.dual, *self.primal):
            block.compile(*args, **kwargs)

    def _step(
        self, number: int, primal: Tensor, dual: Tensor, view: View, shown: list[Tensor], told: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        predicted = view.project(primal[:, 1:2] if self.memory > 1 else primal)
        level = view.noise.expand(-1, 1, *view.sinogram.shape[-2:]) * view.mask
        seen = torch.cat([dual, predicted, view.sinogram, predicted - view.sinogram, level, *told], dim=1)
        dual = dual + self.dual[number](seen, view.mask)
        back = view.back_project(dual[:, :1])
        seen = torch.cat([primal, back, view.noise.expand(-1, 1, *primal.shape[-2:]), *shown], dim=1)
        return primal + self.primal[number](seen), dual


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
