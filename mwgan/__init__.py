"""mwgan: repair the missing wedge in electron tomography.

Importing the package alone is cheap: torch is loaded only by the rooms that need it.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("mwgan")
except PackageNotFoundError:  # a checkout on PYTHONPATH that was never installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
