"""A network, total variation and SIRT mixed, each trusted as far as it predicts tilts that were kept out."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from mwgan.geometry import Measurement
from mwgan.recon.held_out import EVERY, errors_on, held_out, without
from mwgan.recon.learned import load_reconstructor
from mwgan.recon.missing import wedge_mask
from mwgan.recon.sart import SIRT
from mwgan.recon.tvm import TVM

NAMES = ("network", "tvm", "sirt")
FAILS = 1.5  # times SIRT's error on tilts that were kept out: the network knows no such specimen


class Choice(NamedTuple):
    """What is taken of each of :data:`NAMES`, and why."""

    shares: Tensor
    """(B, 3), of what was measured; they add up to 1."""
    inside: Tensor
    """(B,), the network's share of what lies in the missing wedge; the rest is mixed as by ``shares``."""
    errors: Tensor
    """(B, 3), on the tilts that were kept out, relative to the data there; NaN where none could be."""


class Auto:
    """A mixture of a network's tomogram, TVM's and SIRT's, chosen for the data; it needs no setting.

    Every tenth tilt is kept out of all three. What the tilts measure, outside the missing wedge, is mixed so that these tilts
    are predicted best. Inside the wedge no tilt tells, there the network counts for more, unless it fails to predict what was
    measured: an open field, or a specimen unlike all that it was trained on.

    Parameters
    ----------
    network
        Weights of a network that reconstructs measurements: a shipped name, a file or a run folder.
    every
        One tilt in so many is kept out.
    iterations
        Passes of SIRT, and a quarter of the most that TVM takes.

    Attributes
    ----------
    choice
        What is taken of each, the same for all slices (:meth:`fixed`); None: chosen for each slice.
    """

    def __init__(self, network: str = "lpd_guided", every: int = EVERY, iterations: int = 100) -> None:
        self.network = load_reconstructor(network)
        self.tvm, self.sirt = TVM(weight=None, iterations=4 * iterations), SIRT(iterations)
        self.every = every
        self.choice: Choice | None = None

    @torch.no_grad()
    def __call__(self, measurement: Measurement) -> Tensor:
        """Tomograms (B, 1, N, N) of a measurement of densities about 1."""
        choice = self.choose(measurement) if self.choice is None else self.choice
        made = self._tomograms(measurement, choice)
        return self.mixed(made, choice, measurement)

    def choose(self, measurement: Measurement) -> Choice:
        """What to take of each tomogram, for each slice."""
        return chosen(*self._products(measurement))

    def fixed(self, measurements: Iterable[Measurement]) -> Auto:
        """One mixture for all slices: what predicts the tilts that were kept out of all of these best."""
        products, data = zip(*(self._products(measurement) for measurement in measurements), strict=True)
        same = copy.copy(self)
        same.choice = chosen(*(torch.cat(parts).sum(dim=0, keepdim=True) for parts in (products, data)))
        return same

    def _products(self, measurement: Measurement) -> tuple[Tensor, Tensor]:
        """The inner products (B, 3, 3) of the errors on tilts that were kept out, and the sum of squares (B,) of the data there."""
        tilts = held_out(measurement, self.every)
        tomograms = self._tomograms(without(measurement, tilts))
        errors = torch.stack([errors_on(tomogram, measurement, tilts).flatten(1).double() for tomogram in tomograms], dim=1)
        return errors @ errors.mT, (measurement.sinogram * tilts).flatten(1).double().square().sum(dim=1)

    def mixed(self, made: list[Tensor], choice: Choice, measurement: Measurement) -> Tensor:
        """The mixture (B, 1, N, N) of tomograms of each kind."""
        shares = choice.shares.to(made[0]).reshape(-1, len(NAMES), 1, 1, 1)
        measured = torch.stack(made, dim=1).mul(shares).sum(dim=1)
        inside = choice.inside.to(measured).reshape(-1, 1, 1, 1)
        difference = torch.fft.fft2(made[0] - measured) * (wedge_mask(measurement) * inside)
        mixed: Tensor = measured + torch.fft.ifft2(difference).real
        return mixed.clamp(min=0)

    def _tomograms(self, measurement: Measurement, choice: Choice | None = None) -> list[Tensor]:
        """The network's, TVM's and SIRT's; zeros in place of one that nothing is taken of."""
        tvm = self.tvm(measurement)
        nothing = torch.zeros_like(tvm)
        wanted = (True, True) if choice is None else (bool((choice.shares[:, 0] + choice.inside).any()), bool(choice.shares[:, 2].any()))
        return [self.network(measurement, tvm) if wanted[0] else nothing, tvm, self.sirt(measurement) if wanted[1] else nothing]


def chosen(products: Tensor, data: Tensor) -> Choice:
    """The choice that the inner products (B, 3, 3) of errors on kept-out tilts ask for, whose data have a sum of squares (B,)."""
    shares = best_mixture(products)
    squares = products.diagonal(dim1=1, dim2=2)
    fails = squares[:, 0] > FAILS**2 * squares[:, 2]
    inside = torch.where(fails, shares[:, 0], (1 + shares[:, 0]) / 2)
    none = data == 0  # kept out, or nothing in them
    first = torch.eye(len(NAMES), dtype=shares.dtype, device=shares.device)[0]
    errors = (squares / data.unsqueeze(1)).sqrt()
    return Choice(torch.where(none[:, None], first, shares), torch.where(none, 1.0, inside), torch.where(none[:, None], torch.nan, errors))


def best_mixture(products: Tensor) -> Tensor:
    """Shares (B, K), none below 0 and adding up to 1, that mix errors of these inner products (B, K, K) to the smallest sum of squares.

    There are few kinds, so each set of those that may take part is solved for, and the best taken.
    """
    count = products.shape[1]
    scale = products.diagonal(dim1=1, dim2=2).mean(dim=1).clamp(min=torch.finfo(products.dtype).tiny)[:, None, None]
    scaled = products / scale + 1e-9 * torch.eye(count, dtype=products.dtype, device=products.device)
    best = torch.full_like(products[:, 0], torch.nan)
    least = torch.full_like(best[:, 0], torch.inf)
    for number in range(1, count + 1):
        for part in itertools.combinations(range(count), number):
            some = scaled[:, part][:, :, part]
            raw = torch.linalg.solve(some, torch.ones_like(some[..., 0]))
            shares = torch.zeros_like(best)
            shares[:, part] = raw / raw.sum(dim=1, keepdim=True)
            left = (shares[:, None] @ scaled @ shares[..., None]).flatten()
            better = (left < least) & (shares >= 0).all(dim=1)
            best[better], least[better] = shares[better], left[better]
    return best
