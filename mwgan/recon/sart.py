"""SART with ordered subsets, and SIRT, its limit of one subset."""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor

from mwgan.errors import InputError
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.operators import ParallelBeam, Projector
from mwgan.operators.parallel_beam import MATRIX_LIMIT_GIB
from mwgan.recon.base import (
    Progress,
    ProgressCallback,
    ProjectorFactory,
    StoppingRule,
    batch_innermost,
    check_iterations,
    keep_finished,
    norms,
)

# Tilts of a step. One, relaxed by 0.3, comes as far in a pass and to the same quality; it takes 16 times as long (257 pixels, 180 tilts).
TILTS_A_STEP = 4
FLOOR = 1e-3  # rays and pixels with less weight are ignored: they graze the slice's corner


class SART:
    """Simultaneous algebraic reconstruction with ordered subsets of tilts.

    Each step corrects the tomogram by the back-projected misfit of one subset, normalised by ray lengths and by how
    much of the subset sees each pixel. Subsets interleave the tilts, so that consecutive steps see different directions.

    Parameters
    ----------
    iterations
        Passes over all tilts.
    subsets
        Steps per pass; None takes four tilts a step. As many as tilts, or more, are the classical SART, for a relaxation of
        about 0.3; one is SIRT.
    relaxation
        Step length in (0, 2).
    non_negative
        Clip negative densities after each step.
    tolerance, stagnation
        Stopping on the residual, see :class:`mwgan.recon.base.StoppingRule`.
    progress
        Called after each pass; in a batch of several wedges, for the samples of each wedge in turn.
    projector
        Projector of a geometry (default: :class:`mwgan.operators.ParallelBeam`).

    References
    ----------
    Andersen and Kak, Ultrasonic Imaging 6 (1984) 81–94. Wang and Jiang, J. X-Ray Sci. Technol. 12 (2004) 169–177.
    """

    def __init__(
        self,
        iterations: int = 20,
        subsets: int | None = None,
        relaxation: float = 1.0,
        non_negative: bool = True,
        tolerance: float = 0.0,
        stagnation: float = 0.0,
        progress: ProgressCallback | None = None,
        projector: ProjectorFactory = ParallelBeam,
    ) -> None:
        check_iterations(iterations)
        if subsets is not None and subsets < 1:
            raise InputError(f"SART needs at least 1 subset, not {subsets}")
        if not 0 < relaxation < 2:
            raise InputError(f"the relaxation must lie in (0, 2), not {relaxation}")
        self.iterations, self.subsets, self.relaxation = iterations, subsets, relaxation
        self.non_negative, self.tolerance, self.stagnation = non_negative, tolerance, stagnation
        self.progress, self.projector = progress, projector
        self._prepared: tuple[TiltGeometry, list[tuple[list[int], Projector]]] | None = None

    @torch.no_grad()
    def __call__(self, measurement: Measurement) -> Tensor:
        """Tomograms (B, 1, N, N) of a measurement."""
        size = measurement.geometry.detector_size
        tomogram = measurement.sinogram.new_zeros(len(measurement.sinogram), 1, size, size)
        # Samples with the same tilts go together: a subset must not depend on the wedges of other samples.
        for samples, group in measurement.by_tilts():
            tomogram[samples] = self._reconstruct(group)
        return tomogram

    def _reconstruct(self, group: Measurement) -> Tensor:
        sinogram, geometry = group.sinogram, group.geometry
        size = geometry.detector_size
        steps = [
            _Step(part, sinogram[:, :, tilts], group.mask[:, :, tilts] if group.by_pixel else None, self.relaxation)
            for tilts, part in self._parts(geometry)
        ]
        tomogram = batch_innermost(sinogram.new_zeros(sinogram.shape[0], 1, size, size))
        rule = StoppingRule(self.tolerance, self.stagnation, norms(sinogram))
        for iteration in range(1, self.iterations + 1):
            before = tomogram.clone() if rule.is_active else tomogram
            for step in steps:
                step.correct(tomogram)
                if self.non_negative:
                    tomogram.clamp_(min=0)
            if rule.is_active:
                tomogram = keep_finished(tomogram, before, rule.running)
            if rule.is_active or self.progress is not None:
                rule.update(torch.cat([step.misfit(tomogram) for step in steps], dim=2))
            if self.progress is not None:
                self.progress(Progress(iteration, self.iterations, rule.residual.to(sinogram)))
            if rule.is_active and not bool(rule.running.any()):  # which waits for the device
                break
        return tomogram

    def _parts(self, geometry: TiltGeometry) -> list[tuple[list[int], Projector]]:
        """Tilts and projector of each subset; those of the latest geometry are kept for the next block of slices."""
        if self._prepared is None or self._prepared[0] != geometry:
            wanted = math.ceil(geometry.tilts / TILTS_A_STEP) if self.subsets is None else self.subsets
            subsets = interleave(geometry.tilts, min(wanted, geometry.tilts))
            make = self.projector
            if make is ParallelBeam:  # the limit on matrices is for all subsets together
                make = partial(ParallelBeam, matrix_limit_gib=MATRIX_LIMIT_GIB / len(subsets))
            self._prepared = geometry, [(tilts, make(geometry.take(tilts))) for tilts in subsets]
        return self._prepared[1]


class SIRT(SART):
    """Simultaneous iterative reconstruction: SART with all tilts in one step. Smoother and slower to converge.

    References
    ----------
    Gilbert, J. Theor. Biol. 36 (1972) 105–117.
    """

    def __init__(
        self,
        iterations: int = 100,
        relaxation: float = 1.0,
        non_negative: bool = True,
        tolerance: float = 0.0,
        stagnation: float = 0.0,
        progress: ProgressCallback | None = None,
        projector: ProjectorFactory = ParallelBeam,
    ) -> None:
        super().__init__(iterations, 1, relaxation, non_negative, tolerance, stagnation, progress, projector)


class _Step:
    """One subset of tilts with its normalisation; ``mask`` (1 or B, 1, A, N) are its measured pixels, None: all."""

    def __init__(self, projector: Projector, sinogram: Tensor, mask: Tensor | None, relaxation: float) -> None:
        size = projector.geometry.detector_size
        self.projector, self.sinogram, self.mask, self.relaxation = projector, batch_innermost(sinogram), mask, relaxation
        ray_length = projector(sinogram.new_ones(1, 1, size, size))
        self.rays = ray_length > FLOOR if mask is None else (ray_length > FLOOR) & mask
        self.per_ray = batch_innermost(torch.where(self.rays, 1.0 / ray_length.clamp(min=FLOOR), 0.0))
        # One per sample would take as much memory as all tomograms, for each subset: these are computed in every step.
        self._per_pixel = self._inverse_coverage() if len(self.rays) == 1 else None

    def misfit(self, tomogram: Tensor) -> Tensor:
        """A x - b of the subset's rows where they were measured, in new memory."""
        misfit: Tensor = self.projector(tomogram).sub_(self.sinogram)
        return misfit if self.mask is None else misfit.mul_(self.mask)

    def correct(self, tomogram: Tensor) -> None:
        """Correct the tomogram by the subset, in place."""
        correction = self.projector.adjoint(self.projector(tomogram).sub_(self.sinogram).mul_(self.per_ray))
        tomogram.addcmul_(correction, self._inverse_coverage() if self._per_pixel is None else self._per_pixel, value=-1)

    def _inverse_coverage(self) -> Tensor:
        """The relaxation over how many of the subset's measured rays see a pixel, (1 or B, 1, N, N)."""
        coverage = self.projector.adjoint(batch_innermost(self.rays.to(self.sinogram)))
        return torch.where(coverage > FLOOR, self.relaxation / coverage.clamp(min=FLOOR), 0.0)


def interleave(tilts: int, subsets: int) -> list[list[int]]:
    """Tilt indices of each subset, every ``subsets``-th tilt, ordered so that consecutive subsets are far apart."""
    golden = (5**0.5 - 1) / 2
    order = sorted(range(subsets), key=lambda rank: (rank * golden) % 1.0)
    position = sorted(range(subsets), key=lambda rank: order[rank])
    return [list(range(start, tilts, subsets)) for start in position]
