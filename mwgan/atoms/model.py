"""What is fitted to a tilt series of atoms, and how its images change with it: Jacobian and adjoint, without a matrix."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mwgan.operators.atoms import AtomProjector

PER_ATOM = 4  # x, y, z and mass


@dataclass(frozen=True)
class AtomModel:
    """Atoms and the little that all images share; pixels, and float64, throughout.

    Parameters
    ----------
    places
        (K, 3): x, y, z from the middle of the volume.
    masses
        (K,): what each adds to the sum of an image.
    group
        (K,) whole numbers: atoms of a group have one width.
    widths
        (G,): standard deviations of Gaussians.
    shifts
        (A, 2): by how much each image is displaced, along the detector and along the tilt axis.
    turns_deg
        (A,): errors of the tilts.
    """

    places: Tensor
    masses: Tensor
    group: Tensor
    widths: Tensor
    shifts: Tensor
    turns_deg: Tensor

    @classmethod
    def of(cls, places: Tensor, masses: Tensor, width: float, tilts: int) -> AtomModel:
        """Atoms of one width in images that lie where they should."""
        group = torch.zeros(len(masses), dtype=torch.long, device=masses.device)
        return cls(places, masses, group, masses.new_tensor([width]), masses.new_zeros(tilts, 2), masses.new_zeros(tilts))

    def __len__(self) -> int:
        return len(self.masses)

    def images(self, projector: AtomProjector) -> Tensor:
        """(A, Y, N)."""
        return projector(self.places, self.masses, self.widths[self.group], self.shifts, self.turns_deg)

    def only(self, kept: Tensor) -> AtomModel:
        """Some of its atoms: (K,) boolean, or their numbers."""
        return replace(self, places=self.places[kept], masses=self.masses[kept], group=self.group[kept])

    def joined(self, places: Tensor, masses: Tensor, group: Tensor) -> AtomModel:
        """With further atoms."""
        return replace(
            self, places=torch.cat([self.places, places]), masses=torch.cat([self.masses, masses]), group=torch.cat([self.group, group])
        )


@dataclass(frozen=True)
class Step:
    """A change of an :class:`AtomModel`, or a gradient by it.

    ``atoms`` (K, 4) are x, y, z and mass, ``widths`` (G,), ``images`` (A, 3) both shifts and the turn in degrees.
    """

    atoms: Tensor
    widths: Tensor
    images: Tensor

    def dot(self, other: Step) -> float:
        """Inner product."""
        return sum(float((one * two).sum()) for one, two in zip(self.parts, other.parts, strict=True))

    @property
    def parts(self) -> tuple[Tensor, Tensor, Tensor]:
        """All its numbers."""
        return self.atoms, self.widths, self.images

    def plus(self, other: Step, times: float = 1.0) -> Step:
        """``self + times * other``."""
        return Step(*(one + times * two for one, two in zip(self.parts, other.parts, strict=True)))


class Linearised:
    """The images of a model about where it stands: what a small step changes, and the gradient that a misfit has.

    Parameters
    ----------
    model
        Where it stands.
    projector
        To images.
    weights
        (A, Y, N): one over the variance of each pixel; None: all are alike.
    fits_images, fits_turns
        Whether shifts, and errors of tilts, are free.
    """

    def __init__(self, model: AtomModel, projector: AtomProjector, weights: Tensor | None, fits_images: bool, fits_turns: bool) -> None:
        self.model, self.projector, self.weights = model, projector, weights
        self.widths = model.widths[model.group]
        self.columns, self.rows = projector.on_detector(model.places, model.shifts, model.turns_deg)
        tilt = torch.deg2rad(model.masses.new_tensor(projector.geometry.tilt_deg) + model.turns_deg)
        self.cosines, self.sines = torch.cos(tilt), torch.sin(tilt)
        x, _, z = model.places.unbind(dim=1)
        self.by_turn = math.radians(1.0) * (-x[:, None] * self.sines - z[:, None] * self.cosines)
        free = model.masses.new_tensor([fits_images, fits_images, fits_turns])
        self.free = free.expand(projector.geometry.tilts, 3)

    def images(self) -> Tensor:
        """(A, Y, N) of the model."""
        amounts = self.columns.new_zeros(*self.columns.shape, 4)
        amounts[..., 0] = self.model.masses[:, None]
        return self.projector.add(self.columns, self.rows, self.widths, amounts)

    def change(self, step: Step) -> Tensor:
        """Images (A, Y, N) that a step adds, to first order."""
        x, y, z, mass = step.atoms.unbind(dim=1)
        images, masses = step.images * self.free, self.model.masses[:, None]
        column = x[:, None] * self.cosines - z[:, None] * self.sines + images[:, 0] + self.by_turn * images[:, 2]
        row = y[:, None] + images[:, 1]
        growth = step.widths[self.model.group][:, None].expand_as(column)
        amounts = torch.stack([mass[:, None].expand_as(column), masses * column, masses * row, masses * growth], dim=2)
        return self.projector.add(self.columns, self.rows, self.widths, amounts)

    def gradient(self, misfit: Tensor) -> Step:
        """The adjoint of :meth:`change`, weighted: of images (A, Y, N)."""
        weighted = misfit if self.weights is None else misfit * self.weights
        whole, by_column, by_row, by_width = self.projector.gather(self.columns, self.rows, self.widths, weighted).unbind(dim=2)
        masses = self.model.masses[:, None]
        column, row = masses * by_column, masses * by_row
        atoms = torch.stack([(column * self.cosines).sum(1), row.sum(1), -(column * self.sines).sum(1), whole.sum(1)], dim=1)
        widths = torch.zeros_like(self.model.widths).index_add_(0, self.model.group, (masses * by_width).sum(1))
        images = torch.stack([column.sum(0), row.sum(0), (column * self.by_turn).sum(0)], dim=1)
        return Step(atoms, widths, images * self.free)

    def moved(self, step: Step) -> AtomModel:
        """The model after a step."""
        model, images = self.model, step.images * self.free
        return replace(
            model,
            places=model.places + step.atoms[:, :3],
            masses=model.masses + step.atoms[:, 3],
            widths=model.widths + step.widths,
            shifts=model.shifts + images[:, :2],
            turns_deg=model.turns_deg + images[:, 2],
        )
