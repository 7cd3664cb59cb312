"""Where a result comes from: commit, versions, device, command and configuration."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from typing import Any

from mwgan import __version__
from mwgan.paths import PACKAGE

PACKAGES = ("mwgan", "torch", "pytorch-lightning", "numpy")


def provenance(config: dict[str, Any], device: str) -> dict[str, Any]:
    """Commit, command, device, versions and the configuration of this process, as plain values.

    Parameters
    ----------
    config
        Plain values, interpolations unresolved, so that it doesn't reveal the machine's folders.
    device
        As torch names it.
    """
    return {
        "commit": commit(),
        "command": " ".join(["mwgan-train", *sys.argv[1:]]),
        "device": device_name(device),
        "versions": {name: version(name) for name in PACKAGES},
        "config": config,
    }


def version(package: str) -> str:
    """The version of a package; of a checkout of mwgan that was never installed what its source says."""
    try:
        return installed_version(package)
    except PackageNotFoundError:
        return __version__ if package == "mwgan" else "unknown"


def device_name(device: str) -> str:
    """A device as it stands in tables: the GPU's name, or the CPU and its threads."""
    import torch

    return str(torch.cuda.get_device_name(device)) if device.startswith("cuda") else f"CPU, {torch.get_num_threads()} threads"


def commit() -> str:
    """The checkout's commit, with a + where tracked files differ from it; the version where there is no checkout."""
    if not (PACKAGE.parent / ".git").exists():
        return f"mwgan {version('mwgan')}"
    git = ["git", "-C", str(PACKAGE.parent)]
    try:
        head = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, encoding="utf-8", check=True).stdout.strip()
        changes = subprocess.run(
            [*git, "status", "--porcelain", "--untracked-files=no"], capture_output=True, encoding="utf-8", check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):  # no git here, or nothing committed yet
        return f"mwgan {version('mwgan')}"
    return head + ("+" if changes.strip() else "")
