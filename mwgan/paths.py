"""Where the package's own files lie, from a checkout and from a wheel alike, and how any file of ours is written."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def conf_dir() -> Path:
    """The folder of Hydra's configuration: ``conf/`` of the checkout, or its copy inside the wheel."""
    checkout = PACKAGE.parent
    return checkout / "conf" if (checkout / "pyproject.toml").is_file() else PACKAGE / "conf"


def samples_dir() -> Path:
    """The folder of measured samples: ``samples/`` of the checkout; inside the wheel the needle alone."""
    checkout = PACKAGE.parent
    return checkout / "samples" if (checkout / "pyproject.toml").is_file() else PACKAGE / "samples"


def shipped_weights() -> dict[str, Path]:
    """The weights files that are shipped with the package, by name."""
    return {file.stem: file for file in sorted((PACKAGE / "weights").glob("*.safetensors"))}
