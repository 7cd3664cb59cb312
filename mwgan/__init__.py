"""mwgan: repair the missing wedge in electron tomography.

Importing the package itself is cheap: torch is imported only by the subpackages that need it.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

try:
    __version__ = version("mwgan")
except PackageNotFoundError:  # a checkout on PYTHONPATH that was never installed
    __version__ = "0+unknown"

__all__ = ["__version__", "benchmark"]
_LATER = {"benchmark": "mwgan.evaluation.benchmark"}  # imported lazily


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module 'mwgan' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_LATER])
