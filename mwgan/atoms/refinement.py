"""Atoms refined against the projections: places, masses, width, shifts and tilts that explain the images best."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mwgan.atoms.model import AtomModel, Linearised, Step
from mwgan.operators.atoms import AtomProjector

STEPS, INNER, INNER_ENDS = 12, 12, 0.05
CONVERGED = 1e-5  # of the misfit: a step that reduces it by less is the last
DAMPING, LESS, MORE, MOST_DAMPING = 1e-3, 0.3, 8.0, 1e4
FURTHEST = 0.5  # widths that an atom may go in one step
NARROWEST = 0.4  # pixels


@dataclass(frozen=True)
class MassPrior:
    """A normal prior of the masses, with ``means`` (K,) and standard deviations ``spreads`` (K,), for a fit whose misfit is in
    variances of the noise.
    """

    means: Tensor
    spreads: Tensor

    def gradient(self, model: AtomModel) -> Tensor:
        """(K,): minus half the derivative of :meth:`misfit`."""
        return (self.means - model.masses) / self.spreads**2

    def misfit(self, model: AtomModel) -> float:
        """The sum of their squares in units of the spread."""
        return float((((self.means - model.masses) / self.spreads) ** 2).sum())


@dataclass(frozen=True)
class Refined:
    """A refined model and its misfit."""

    model: AtomModel
    misfit: float
    """Weighted sum of squared residuals, with the prior's."""


def refine(
    model: AtomModel,
    images: Tensor,
    projector: AtomProjector,
    weights: Tensor | None = None,
    fits_images: bool = True,
    fits_turns: bool = False,
    prior: MassPrior | None = None,
    steps: int = STEPS,
) -> Refined:
    """Least squares by Levenberg–Marquardt steps, each solved by conjugate gradients preconditioned by each atom's own curvature.

    Parameters
    ----------
    model
        The start: atoms within about a width of their true places.
    images
        (A, Y, N) float64.
    projector
        Of atoms onto these images.
    weights
        One over the variance of each pixel; None: all are alike.
    fits_images, fits_turns
        Whether shifts of the images, and errors of the tilts, are fitted.
    prior
        Of the masses; ``weights`` must be inverse variances then.
    steps
        At most.

    A shift or rotation of the whole specimen, which images and positions share, goes to the positions.
    """
    damping, growing = DAMPING, MORE
    here = Linearised(model, projector, weights, fits_images, fits_turns)
    residual = images - here.images()
    misfit = _squares(residual, weights) + (prior.misfit(model) if prior else 0.0)
    for _ in range(steps if len(model) else 0):
        curvature = _Curvature(here, damping, prior)
        step = _bounded(_solved(here, residual, curvature, prior), here)
        moved = here.moved(step)
        moved = replace(moved, widths=moved.widths.clamp(min=NARROWEST))
        there = Linearised(moved, projector, weights, fits_images, fits_turns)
        residual_there = images - there.images()
        misfit_there = _squares(residual_there, weights) + (prior.misfit(moved) if prior else 0.0)
        if not misfit_there < misfit:
            damping *= growing
            if damping > MOST_DAMPING:
                break
            continue
        converged = misfit - misfit_there < CONVERGED * misfit
        here, residual, misfit, damping = there, residual_there, misfit_there, damping * LESS
        if converged:
            break
    return Refined(fix_gauge(here.model, projector) if fits_images or fits_turns else here.model, misfit)


def fix_gauge(model: AtomModel, projector: AtomProjector) -> AtomModel:
    """The same images with shifts and tilt errors that contain no shift or rotation of the whole specimen."""
    turn = float(model.turns_deg.mean())
    radians = math.radians(turn)
    x, y, z = model.places.unbind(dim=1)
    # A rotated atom (x, z) is seen at a tilt where the original one is seen at that tilt plus the rotation.
    x, z = x * math.cos(radians) - z * math.sin(radians), x * math.sin(radians) + z * math.cos(radians)
    tilt = torch.deg2rad(model.masses.new_tensor(projector.geometry.tilt_deg) + model.turns_deg - turn)
    waves = torch.stack([torch.cos(tilt), -torch.sin(tilt)], dim=1)
    shared = torch.linalg.lstsq(waves, model.shifts[:, :1]).solution[:, 0]
    along = model.shifts[:, 1].mean()
    shifts = torch.stack([model.shifts[:, 0] - waves @ shared, model.shifts[:, 1] - along], dim=1)
    return replace(
        model, places=torch.stack([x + shared[0], y + along, z + shared[1]], dim=1), shifts=shifts, turns_deg=model.turns_deg - turn
    )


def _squares(residual: Tensor, weights: Tensor | None) -> float:
    return float((residual**2 if weights is None else residual**2 * weights).sum())


class _Curvature:
    """The normal equations without overlaps of atoms: a 4 x 4 block of each atom, a number for each other parameter."""

    def __init__(self, here: Linearised, damping: float, prior: MassPrior | None) -> None:
        model, width = here.model, here.widths
        if here.weights is None:
            share = torch.ones_like(here.columns)
        else:
            share = here.projector.gather(here.columns, here.rows, here.widths, here.weights)[..., 0]
        pixel = (width**2 + 1 / 12)[:, None]  # a pixel's own width makes the spot a little wider
        of_mass = share / (4 * math.pi * pixel)
        of_place = model.masses[:, None] ** 2 * share / (8 * math.pi * pixel**2)
        zero = torch.zeros_like(width)
        self.of_prior = zero if prior is None else prior.spreads**-2
        x, z = (of_place * here.cosines**2).sum(1), (of_place * here.sines**2).sum(1)
        xz, mass = -(of_place * here.cosines * here.sines).sum(1), of_mass.sum(1) + self.of_prior
        y = of_place.sum(1)
        rows = [[x, zero, xz, zero], [zero, y, zero, zero], [xz, zero, z, zero], [zero, zero, zero, mass]]
        self.blocks = torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)
        self.diagonal = torch.diagonal(self.blocks, dim1=1, dim2=2)
        floor = 1e-9 * self.diagonal.mean(dim=0) + 1e-300
        self.damping = damping
        self.blocks = self.blocks + torch.diag_embed(damping * self.diagonal + floor)
        by_width = (model.masses**2 * share.sum(1)) / (2 * math.pi * pixel[:, 0] ** 2)
        self.widths = torch.zeros_like(model.widths).index_add_(0, model.group, by_width).clamp(min=1e-300)
        shift = of_place.sum(0)
        self.images = torch.stack([shift, shift, (of_place * here.by_turn**2).sum(0)], dim=1).clamp(min=1e-300)

    def divide(self, step: Step) -> Step:
        """The Newton step of a gradient if nothing overlaps."""
        atoms = torch.linalg.solve(self.blocks, step.atoms[..., None])[..., 0]
        return Step(atoms, step.widths / self.widths, step.images / self.images)

    def further(self, step: Step) -> Step:
        """What damping and the prior add to the product with a step."""
        atoms = self.damping * self.diagonal * step.atoms
        atoms[:, 3] += self.of_prior * step.atoms[:, 3]
        return Step(atoms, self.damping * self.widths * step.widths, self.damping * self.images * step.images)


def _solved(here: Linearised, residual: Tensor, curvature: _Curvature, prior: MassPrior | None) -> Step:
    """Conjugate gradients on the damped normal equations."""
    gradient = here.gradient(residual)
    if prior is not None:
        gradient.atoms[:, 3] += prior.gradient(here.model)
    step = Step(*(torch.zeros_like(part) for part in gradient.parts))
    rest, direction = gradient, curvature.divide(gradient)
    power = initial = rest.dot(direction)
    for _ in range(INNER):
        if power <= INNER_ENDS**2 * initial or power <= 0:
            break
        product = here.gradient(here.change(direction)).plus(curvature.further(direction))
        along = power / direction.dot(product)
        step, rest = step.plus(direction, along), rest.plus(product, -along)
        divided = curvature.divide(rest)
        new = rest.dot(divided)
        direction, power = divided.plus(direction, new / power), new
    return step


def _bounded(step: Step, here: Linearised) -> Step:
    """Limits a step: an atom moves by part of its width and loses at most half its mass; a width changes by at most a third."""
    length = torch.linalg.vector_norm(step.atoms[:, :3], dim=1)
    share = (FURTHEST * here.widths / length.clamp(min=1e-12)).clamp(max=1.0)
    mass = step.atoms[:, 3].maximum(-0.5 * here.model.masses.abs())
    widths = step.widths.clamp(-here.model.widths / 3, here.model.widths / 3)
    return Step(torch.cat([step.atoms[:, :3] * share[:, None], mass[:, None]], dim=1), widths, step.images)
