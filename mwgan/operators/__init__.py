"""The parallel-beam projector, its exact adjoint, and optional backends with the same interface."""

from mwgan.operators.astra import AstraParallelBeam
from mwgan.operators.parallel_beam import ParallelBeam, Projector, projector_for

__all__ = ["AstraParallelBeam", "ParallelBeam", "Projector", "projector_for"]
