"""A method that ends soon, to see what memory it takes: an iteration takes as much as the next."""

from __future__ import annotations

import copy

from torch import nn

from mwgan.recon import SART, TVM, Reconstructor

FEW = 2  # the second allocates while what the first has made is still there


def shortened(method: Reconstructor) -> Reconstructor:
    """A copy with few iterations, as have the methods inside it; a network, whose iterations are layers, stays as it is."""
    few = copy.copy(method)
    if not isinstance(few, nn.Module) and isinstance(getattr(few, "iterations", None), int):
        few.iterations = min(few.iterations, FEW)  # type: ignore[attr-defined]
    for name, inside in vars(few).items():
        if name == "reconstructor" or isinstance(inside, TVM | SART):
            setattr(few, name, shortened(inside))
    return few
