"""A mixture of networks, total variation and SIRT, weighted by how well they predict kept-out tilts."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mwgan.geometry import Measurement
from mwgan.recon.held_out import EVERY, errors_on, leave_out, select_held_out
from mwgan.recon.learned import LearnedReconstructor, load_network
from mwgan.recon.missing import wedge_mask, wedge_widths_deg
from mwgan.recon.mixture import Choice, choose_mixture
from mwgan.recon.noise import white_noise
from mwgan.recon.sart import SIRT
from mwgan.recon.tvm import TVM

WORSE, EXACT = (
    1.02,
    0.003,
)  # to fill the wedge, the error on kept-out tilts may grow by this factor and this share of the data


class Auto:
    """A mixture of networks' tomograms, TVM's and SIRT's, chosen by cross-validation; it needs no setting.

    Every tenth tilt is kept out of all reconstructions. Outside the missing wedge the shares are those that predict these tilts
    best; the stronger the noise, the closer they stay to the networks' mean. Inside the wedge there is no data to compare with;
    there the networks get a larger share, unless they fail to predict the measured tilts: a specimen that leaves the field, or
    one unlike all training images.

    Parameters
    ----------
    networks
        Weights of one or more reconstruction networks: shipped names, files or run folders.
    every
        One tilt in so many is kept out.
    iterations
        Iterations of SIRT; TVM takes up to four times as many.
    band_scale
        Factor from the parts' disagreement to one standard deviation of the error, from a calibration of these networks
        (:class:`mwgan.trust.Disagreement`); None if they were not calibrated.

    Attributes
    ----------
    names
        The methods in the order of a choice: the networks' names, ``tvm``, ``sirt``.
    choice
        The shares of each, the same for all slices (:meth:`with_one_choice`); None: chosen for each slice.
    """

    def __init__(
        self, networks: Sequence[str] = ("lpd_guided", "lpd"), every: int = EVERY, iterations: int = 100, band_scale: float | None = None
    ) -> None:
        self.networks = [load_network(network) for network in networks]
        self.tvm, self.sirt = TVM(weight=None, iterations=4 * iterations), SIRT(iterations)
        self.names = (*(network.name for network in self.networks), "tvm", "sirt")
        self.every, self.band_scale = every, band_scale
        self.choice: Choice | None = None

    @torch.no_grad()
    def __call__(self, measurement: Measurement) -> Tensor:
        """Tomograms (B, 1, N, N) of a measurement of densities about 1."""
        choice = self.choose(measurement) if self.choice is None else self.choice
        return mix(self._tomograms(measurement, self._used_by(choice)), choice, measurement)

    @torch.no_grad()
    def with_parts(self, measurement: Measurement) -> tuple[Tensor, Tensor]:
        """The mixture (B, 1, N, N), and the tomograms of the networks and TVM (B, K - 1, N, N), also those with a share of 0."""
        choice = self.choose(measurement) if self.choice is None else self.choice
        needed = self._used_by(choice)
        needed[:-1] = True
        parts = self._tomograms(measurement, needed)
        return mix(parts, choice, measurement), torch.cat(parts[:-1], dim=1)

    def choose(self, measurement: Measurement) -> Choice:
        """Choose the shares of the methods, for each slice."""
        seen = self._cross_validate(measurement)
        return _limit_inside(choose_mixture(seen.products, seen.data, seen.wedge_deg, seen.noise), [seen])

    @torch.no_grad()
    def with_one_choice(self, measurements: Iterable[Measurement]) -> Auto:
        """A copy with one mixture for all slices: the one that predicts the kept-out tilts of all these best."""
        seen = [self._cross_validate(measurement) for measurement in measurements]
        choice = choose_mixture(
            torch.cat([one.products for one in seen]).sum(dim=0, keepdim=True),
            torch.cat([one.data for one in seen]).sum(dim=0, keepdim=True),
            torch.cat([one.wedge_deg for one in seen]).amax(dim=0, keepdim=True),
            torch.cat([one.noise for one in seen]).mean(dim=0, keepdim=True),
        )
        same = copy.copy(self)
        same.choice = _limit_inside(choice, seen)
        return same

    def networks_used(self) -> list[LearnedReconstructor]:
        """The networks with a share in the tomogram: all of them until a choice is made."""
        used = [True] * len(self.networks) if self.choice is None else self._used_by(self.choice).tolist()[:-2]
        return list(itertools.compress(self.networks, used))

    def _cross_validate(self, measurement: Measurement) -> _Validation:
        """Reconstruct without every tenth tilt, and compare with these."""
        tilts = select_held_out(measurement, self.every)
        tomograms = self._tomograms(leave_out(measurement, tilts))
        errors = torch.stack([errors_on(tomogram, measurement, tilts).flatten(1).double() for tomogram in tomograms], dim=1)
        data = (measurement.sinogram * tilts).flatten(1).double().square().sum(dim=1)
        noise = white_noise(measurement).flatten().double().square().nan_to_num(0.0)
        wedge_deg = wedge_widths_deg(measurement).expand(len(data))
        return _Validation(measurement, tilts, tomograms, errors, data, wedge_deg, noise)

    @staticmethod
    def _used_by(choice: Choice) -> Tensor:
        """Which tomograms (K,) have a share above 0, inside the wedge or outside."""
        filling = torch.nn.functional.pad(choice.of_networks() * choice.inside[:, None], (0, 2))
        return (choice.shares + filling != 0).any(dim=0)

    def _tomograms(self, measurement: Measurement, needed: Tensor | None = None) -> list[Tensor]:
        """Tomograms of all ``names``; zeros for those that are not ``needed`` (K,)."""
        tvm = self.tvm(measurement)
        nothing = torch.zeros_like(tvm)
        run = [True] * len(self.names) if needed is None else needed.tolist()
        networks = [network(measurement, tvm) if is_run else nothing for network, is_run in zip(self.networks, run[:-2], strict=True)]
        return [*networks, tvm, self.sirt(measurement) if run[-1] else nothing]


class _Validation(NamedTuple):
    """Tomograms made without every tenth tilt, and their errors there."""

    measurement: Measurement
    """With all tilts."""
    tilts: Tensor
    """The kept-out ones, boolean (1 or B, 1, A, 1)."""
    tomograms: list[Tensor]
    """Made from the other tilts, (B, 1, N, N) each."""
    errors: Tensor
    """Of each on the rays of the kept-out tilts, (B, K, rays)."""
    data: Tensor
    """Their sum of squares, (B,)."""
    wedge_deg: Tensor
    noise: Tensor
    """The variance of the noise on a ray, (B,)."""

    @property
    def products(self) -> Tensor:
        """Inner products of the errors, (B, K, K)."""
        return self.errors @ self.errors.mT


def mix(parts: Sequence[Tensor], choice: Choice, measurement: Measurement) -> Tensor:
    """The mixture (B, 1, N, N) of one tomogram of each method."""
    measured, in_wedge = _mixtures(parts, choice, measurement)
    mixture: Tensor = measured + in_wedge * choice.inside.to(measured).reshape(-1, 1, 1, 1)
    return mixture.clamp(min=0)


def _mixtures(parts: Sequence[Tensor], choice: Choice, measurement: Measurement) -> tuple[Tensor, Tensor]:
    """The mixture by ``shares``, and by how much the networks alone differ from it in the missing wedge, (B, 1, N, N)."""
    tomograms = torch.stack(list(parts), dim=1)
    measured = _sum(tomograms, choice.shares)
    filling = _sum(tomograms[:, :-2], choice.of_networks())
    return measured, torch.fft.ifft2(torch.fft.fft2(filling - measured) * wedge_mask(measurement)).real


def _limit_inside(choice: Choice, seen: Sequence[_Validation]) -> Choice:
    """The choice, its networks' share in the wedge limited by the error on kept-out tilts: :data:`WORSE`, :data:`EXACT`.

    The content of the wedge changes no projection of a specimen that lies within the field. If the specimen leaves the field it does:
    the border of the slice or of the detector mixes directions.
    """
    squares = []
    for one in seen:
        measured, in_wedge = _mixtures(one.tomograms, choice, one.measurement)
        before = (choice.shares[:, None] @ one.errors).squeeze(1)  # of the mixture, as shares add up to 1
        change = errors_on(measured + in_wedge, one.measurement, one.tilts).flatten(1).double() - before
        allowed = (before**2).sum(dim=1) * (WORSE**2 - 1) + one.data * EXACT**2
        squares.append(torch.stack([(change**2).sum(dim=1), (change * before).sum(dim=1), allowed]))
    each = torch.cat(squares, dim=1)
    steep, slope, allowed = each if len(choice.inside) == each.shape[1] else each.sum(dim=1, keepdim=True)
    most = ((slope**2 + steep * allowed).sqrt() - slope) / steep.clamp(min=torch.finfo(steep.dtype).tiny)
    return choice._replace(inside=torch.where(steep > 0, torch.minimum(choice.inside, most), choice.inside))


def _sum(tomograms: Tensor, shares: Tensor) -> Tensor:
    return tomograms.mul(shares.to(tomograms)[..., None, None, None]).sum(dim=1)
