"""Configuration to objects: the one wrapper around Hydra's ``instantiate``."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from mwgan.errors import InputError
from mwgan.paths import PACKAGE


def build(node: Any, **arguments: Any) -> Any:
    """The object a ``_target_`` node describes. Bad input inside it is raised as the :class:`InputError` it is."""
    try:
        if arguments:  # handed over as they are: instantiate would build every _target_ it finds inside them
            return instantiate(node, _convert_="all", _partial_=True)(**arguments)
        return instantiate(node, _convert_="all")
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, InputError):
                raise cause from None
            cause = cause.__cause__
        raise


def plain(node: Any) -> Any:
    """A configuration node as plain values, every interpolation resolved: what may go into a checkpoint."""
    return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node


def provenance(cfg: DictConfig, device: str) -> dict[str, Any]:
    """Where a result comes from: commit, versions, device, command and configuration."""
    return {
        "commit": commit(),
        "command": " ".join(["mwgan-train", *sys.argv[1:]]),
        "device": device_name(device),
        "versions": {name: version(name) for name in ("mwgan", "torch", "pytorch-lightning", "numpy")},
        # Unresolved, so that a file that travels doesn't tell the folders of the machine that made it.
        "config": OmegaConf.to_container(cfg, resolve=False),
    }


def device_name(device: str) -> str:
    """A device as it stands in tables: the GPU's name, or the CPU and its threads."""
    return str(torch.cuda.get_device_name(device)) if device.startswith("cuda") else f"CPU, {torch.get_num_threads()} threads"


def commit() -> str:
    """The checkout's commit, with a + where tracked files differ from it; the version where there is no checkout."""
    if not (PACKAGE.parent / ".git").exists():
        return f"mwgan {version('mwgan')}"
    git = ["git", "-C", str(PACKAGE.parent)]
    try:
        head = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        changes = subprocess.run([*git, "status", "--porcelain", "--untracked-files=no"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):  # no git here, or nothing committed yet
        return f"mwgan {version('mwgan')}"
    return head + ("+" if changes.strip() else "")
