"""The reconstructor behind a name."""

from __future__ import annotations

from pathlib import Path

import torch

from mwgan.errors import InputError
from mwgan.paths import shipped_weights
from mwgan.recon import SART, SIRT, TVM, WBP, DataConsistent, LearnedReconstructor, Reconstructor, load_reconstructor
from mwgan.recon.normalized import Normalized


def make_method(
    method: str, filter: str, iterations: int | None, weight: float, device: str, consistency: float | None = None
) -> Reconstructor:
    """The reconstructor behind a name of the command line, for data in any units; with ``consistency`` corrected by the data."""
    check_device(device)
    made = _named(method, filter, iterations, weight, device)
    if consistency is not None:
        return Normalized(DataConsistent(made, consistency))
    # A linear method means the same in any units.
    return Normalized(made) if isinstance(made, TVM | LearnedReconstructor) else made


def _named(method: str, filter: str, iterations: int | None, weight: float, device: str) -> Reconstructor:
    if method == "wbp":
        return WBP(filter)
    if method == "sart":
        return SART(iterations or 20)
    if method == "sirt":
        return SIRT(iterations or 100)
    if method == "tvm":
        return TVM(weight, iterations or 300)
    shipped = shipped_weights()
    if method not in shipped and not Path(method).exists():
        known = ", ".join(["wbp", "sart", "sirt", "tvm", *shipped])
        raise InputError(f"there is no method or checkpoint {method!r}: give {known}, a checkpoint or a run folder")
    return load_reconstructor(method, device)


def network_in(reconstructor: Reconstructor) -> LearnedReconstructor | None:
    """The network inside a method as :func:`make_method` wraps it; None of a classical one."""
    while isinstance(reconstructor, Normalized | DataConsistent):
        reconstructor = reconstructor.reconstructor
    return reconstructor if isinstance(reconstructor, LearnedReconstructor) else None


def check_device(device: str) -> None:
    """Raise an :class:`InputError` unless torch can compute there."""
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"there is no device {device!r} here: use cpu") from error
