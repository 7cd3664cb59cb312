"""Checks for anybody's reconstruction method, network, image source or projector; those of mwgan pass them too.

Each check is a function that raises an AssertionError with one sentence, in any test framework or none. A class that has the
right methods may still mix up the slices of a batch or mirror the image, which no type check or ``isinstance`` finds::

    from mwgan.testing import check_reconstructor

    def test_my_method():
        check_reconstructor(MyMethod(), scales=True)
"""

from mwgan.testing.network import check_network
from mwgan.testing.projector import check_projector
from mwgan.testing.reconstructor import check_reconstructor
from mwgan.testing.source import check_source

__all__ = ["check_network", "check_projector", "check_reconstructor", "check_source"]
