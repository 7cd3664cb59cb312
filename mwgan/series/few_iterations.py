"""A method with few iterations, to measure its memory: all iterations take the same."""

from __future__ import annotations

import copy

from torch import nn

from mwgan.recon import SART, TVM, Reconstructor

FEW = 2  # the second allocates while the results of the first still exist


def with_few_iterations(method: Reconstructor) -> Reconstructor:
    """A copy with few iterations, also in the methods inside it; a network, whose iterations are layers, is unchanged."""
    few = copy.copy(method)
    if not isinstance(few, nn.Module) and isinstance(getattr(few, "iterations", None), int):
        few.iterations = min(few.iterations, FEW)  # type: ignore[attr-defined]
    for name, inside in vars(few).items():
        if name == "reconstructor" or isinstance(inside, TVM | SART):
            setattr(few, name, with_few_iterations(inside))
    return few
