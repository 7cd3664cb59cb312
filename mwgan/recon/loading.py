"""Trained methods by name, for Python: a network, or the mixture that is the default of ``mwgan reconstruct``."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Literal, cast, overload

import torch

from mwgan.recon.auto import Auto
from mwgan.recon.learned import LearnedReconstructor, load_network


@overload
def load_reconstructor(  # type: ignore[overload-overlap]  # any other text names a network
    name_or_path: Literal["auto"], device: torch.device | str = "cpu", allow: Collection[str] | str = ()
) -> Auto: ...


@overload
def load_reconstructor(
    name_or_path: str | Path, device: torch.device | str = "cpu", allow: Collection[str] | str = ()
) -> LearnedReconstructor: ...


def load_reconstructor(
    name_or_path: str | Path, device: torch.device | str = "cpu", allow: Collection[str] | str = ()
) -> LearnedReconstructor | Auto:
    """A trained method for data of densities about 1: ``auto`` as it is shipped, or the network of a name or file.

    Data in any other units go through :func:`mwgan.recon.named.make_method`, which scales them.

    Parameters
    ----------
    name_or_path
        ``auto``; or what :func:`mwgan.recon.learned.load_network` takes: a shipped name, weights, a checkpoint, a run folder or
        ``hf://ORG/NAME``.
    device, allow
        As for a network; ``auto`` moves to where the data are.

    Raises
    ------
    InputError
        As :func:`mwgan.recon.learned.load_network`.
    """
    if name_or_path != "auto":
        return load_network(name_or_path, device, allow)
    from mwgan.recon.inner_method import inner_method
    from mwgan.recon.named import make_method  # which reads the methods' files and imports this package

    return cast(Auto, inner_method(make_method("auto")))
