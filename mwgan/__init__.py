"""mwgan: repair the missing wedge in electron tomography.

Importing the package alone is cheap: torch is loaded only by the rooms that need it.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

try:
    __version__ = version("mwgan")
except PackageNotFoundError:  # a checkout on PYTHONPATH that was never installed
    __version__ = "0+unknown"

__all__ = ["__version__", "benchmark"]
_LATER = {"benchmark": "mwgan.evaluation.benchmark"}  # imported when it is first asked for


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module 'mwgan' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_LATER])
