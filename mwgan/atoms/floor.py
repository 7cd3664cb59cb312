"""The best precision that the data allow for positions and masses: the Cramér–Rao bound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mwgan.atoms.model import PER_ATOM, AtomModel, Linearised
from mwgan.operators.atoms import AtomProjector

MOST = 1500  # atoms whose overlaps are all counted: their matrix takes 288 MB
AT_ONCE = 32  # atoms whose rows of it are made together
PIXEL = 1 / 12  # variance that integrating over a pixel adds to a spot


@dataclass(frozen=True)
class Floor:
    """The least standard deviations that any unbiased estimate has.

    Parameters
    ----------
    places
        (K, 3) pixels, of x, y and z.
    masses
        (K,).
    overlaps
        Whether correlations between overlapping atoms are included; they are not if there are too many atoms.
    """

    places: npt.NDArray[np.float64]
    masses: npt.NDArray[np.float64]
    overlaps: bool


def floor_of(model: AtomModel, projector: AtomProjector, weights: Tensor) -> Floor:
    """The floor of all places and masses together, width and shifts known: the inverse of Fisher's information, in closed form.

    The product of two spots is a Gaussian of their distance, and so are those of their derivatives. Weights, one over the variance of
    each pixel (A, Y, N), count as their mean over each spot. Fisher's information of normal and, in their limit, of counted pixels.
    """
    here = Linearised(model, projector, None, False, False)
    share = projector.gather(here.columns, here.rows, here.widths, weights)[..., 0].clamp(min=0).sqrt()
    if len(model) > MOST:
        blocks = torch.stack([_products(here, share, torch.tensor([one]), torch.tensor([one]))[0, :, 0] for one in range(len(model))])
        return _of(torch.linalg.inv(_regularised(blocks)).diagonal(dim1=1, dim2=2), False)
    count, everyone = len(model), torch.arange(len(model))
    rows = [_products(here, share, some, everyone).reshape(-1, count * PER_ATOM) for some in torch.split(everyone, AT_ONCE)]
    information = torch.cat(rows) if rows else torch.zeros(0, 0, dtype=torch.float64)
    return _of(torch.linalg.inv(_regularised(information)).diagonal().reshape(count, PER_ATOM), True)


def _regularised(matrix: Tensor) -> Tensor:
    """With a little added to its diagonal: what the data do not determine has a very high floor instead of none."""
    diagonal = matrix.diagonal(dim1=-2, dim2=-1)
    return matrix + torch.diag_embed(1e-9 * diagonal + 1e-300)


def _of(variances: Tensor, overlaps: bool) -> Floor:
    deviations = variances.clamp(min=0).sqrt().numpy()
    return Floor(deviations[:, :3], deviations[:, 3], overlaps)


def _products(here: Linearised, share: Tensor, some: Tensor, others: Tensor) -> Tensor:
    """Inner products (S, 4, K, 4) of the images' derivatives by x, y, z and mass of some atoms with those of others."""
    variance = ((here.widths**2 + PIXEL)[some, None] + (here.widths**2 + PIXEL)[None, others])[..., None]
    across = here.columns[some, None] - here.columns[None, others]
    along = here.rows[some, None] - here.rows[None, others]
    both = torch.exp(-(across**2 + along**2) / (2 * variance)) / (2 * np.pi * variance)
    both = both * share[some, None] * share[None, others]
    mass, other_mass = here.model.masses[some, None, None], here.model.masses[None, others, None]
    cosine, sine = here.cosines, -here.sines
    ss = mass * other_mass * (1 / variance - across**2 / variance**2) * both
    yy = mass * other_mass * (1 / variance - along**2 / variance**2) * both
    sy = -mass * other_mass * across * along / variance**2 * both
    sm, ym = -across / variance * both, -along / variance * both  # by the first one's place, times its mass
    products = both.new_empty(len(some), PER_ATOM, len(others), PER_ATOM)
    first = {0: cosine, 2: sine}
    for one, turn in first.items():
        for other, other_turn in first.items():
            products[:, one, :, other] = (ss * turn * other_turn).sum(-1)
        products[:, one, :, 1] = products[:, 1, :, one] = (sy * turn).sum(-1)
        products[:, one, :, 3] = (mass * sm * turn).sum(-1)
        products[:, 3, :, one] = (-other_mass * sm * turn).sum(-1)
    products[:, 1, :, 1] = yy.sum(-1)
    products[:, 1, :, 3], products[:, 3, :, 1] = (mass * ym).sum(-1), (-other_mass * ym).sum(-1)
    products[:, 3, :, 3] = both.sum(-1)
    return products
