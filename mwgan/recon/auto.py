"""Networks, total variation and SIRT mixed, each trusted as far as it predicts tilts that were kept out."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mwgan.geometry import Measurement
from mwgan.recon.held_out import EVERY, errors_on, held_out, without
from mwgan.recon.learned import LearnedReconstructor, load_network
from mwgan.recon.missing import wedge_mask, wedge_widths_deg
from mwgan.recon.mixture import Choice, chosen
from mwgan.recon.noise import white_noise
from mwgan.recon.sart import SIRT
from mwgan.recon.tvm import TVM

WORSE, EXACT = 1.02, 0.003  # filling the wedge may make the error on kept-out tilts so many times as large, and add this share of the data


class Auto:
    """A mixture of networks' tomograms, TVM's and SIRT's, chosen for the data; it needs no setting.

    Every tenth tilt is kept out of all of them. What the tilts measure, outside the missing wedge, is mixed so that these tilts
    are predicted best; the stronger the noise on them, the nearer the mixture stays to the networks' mean. Inside the wedge no
    tilt tells; there the networks count for more, unless they fail to predict what was measured: an open field, or a specimen
    unlike all that they were trained on.

    Parameters
    ----------
    networks
        Weights of networks that reconstruct measurements, one or more: shipped names, files or run folders.
    every
        One tilt in so many is kept out.
    iterations
        Passes of SIRT, and a quarter of the most that TVM takes.
    band_scale
        What the parts' disagreement is multiplied with to be one standard deviation of the error, from a calibration of these
        networks (:class:`mwgan.trust.Disagreement`); None: there was none.

    Attributes
    ----------
    names
        What is mixed, in the order of a choice: the networks' names, ``tvm``, ``sirt``.
    choice
        What is taken of each, the same for all slices (:meth:`fixed`); None: chosen for each slice.
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
        return mixed(self._tomograms(measurement, self._wanted(choice)), choice, measurement)

    @torch.no_grad()
    def with_parts(self, measurement: Measurement) -> tuple[Tensor, Tensor]:
        """The tomograms (B, 1, N, N), and the networks' and TVM's (B, K - 1, N, N), whether or not anything is taken of them."""
        choice = self.choose(measurement) if self.choice is None else self.choice
        wanted = self._wanted(choice)
        wanted[:-1] = True
        made = self._tomograms(measurement, wanted)
        return mixed(made, choice, measurement), torch.cat(made[:-1], dim=1)

    def choose(self, measurement: Measurement) -> Choice:
        """What to take of each tomogram, for each slice."""
        seen = self._without_some_tilts(measurement)
        return _as_far_as_predicted(chosen(seen.products, seen.data, seen.wedge_deg, seen.noise), [seen])

    @torch.no_grad()
    def fixed(self, measurements: Iterable[Measurement]) -> Auto:
        """One mixture for all slices: what predicts the tilts that were kept out of all of these best."""
        seen = [self._without_some_tilts(measurement) for measurement in measurements]
        choice = chosen(
            torch.cat([one.products for one in seen]).sum(dim=0, keepdim=True),
            torch.cat([one.data for one in seen]).sum(dim=0, keepdim=True),
            torch.cat([one.wedge_deg for one in seen]).amax(dim=0, keepdim=True),
            torch.cat([one.noise for one in seen]).mean(dim=0, keepdim=True),
        )
        same = copy.copy(self)
        same.choice = _as_far_as_predicted(choice, seen)
        return same

    def networks_taken(self) -> list[LearnedReconstructor]:
        """The networks that have a part in a tomogram: all of them until the choice is made."""
        taken = [True] * len(self.networks) if self.choice is None else self._wanted(self.choice).tolist()[:-2]
        return list(itertools.compress(self.networks, taken))

    def _without_some_tilts(self, measurement: Measurement) -> _Seen:
        """What is made of the data without every tenth tilt, and how it predicts them."""
        tilts = held_out(measurement, self.every)
        tomograms = self._tomograms(without(measurement, tilts))
        errors = torch.stack([errors_on(tomogram, measurement, tilts).flatten(1).double() for tomogram in tomograms], dim=1)
        data = (measurement.sinogram * tilts).flatten(1).double().square().sum(dim=1)
        noise = white_noise(measurement).flatten().double().square().nan_to_num(0.0)
        wedge_deg = wedge_widths_deg(measurement).expand(len(data))
        return _Seen(measurement, tilts, tomograms, errors, data, wedge_deg, noise)

    @staticmethod
    def _wanted(choice: Choice) -> Tensor:
        """Which of the tomograms (K,) something is taken of, inside the wedge or outside."""
        filling = torch.nn.functional.pad(choice.of_networks() * choice.inside[:, None], (0, 2))
        return (choice.shares + filling != 0).any(dim=0)

    def _tomograms(self, measurement: Measurement, wanted: Tensor | None = None) -> list[Tensor]:
        """One of each of ``names``; zeros in place of one that is not wanted (K,)."""
        tvm = self.tvm(measurement)
        nothing = torch.zeros_like(tvm)
        asked = [True] * len(self.names) if wanted is None else wanted.tolist()
        networks = [
            network(measurement, tvm) if wanted_too else nothing for network, wanted_too in zip(self.networks, asked[:-2], strict=True)
        ]
        return [*networks, tvm, self.sirt(measurement) if asked[-1] else nothing]


class _Seen(NamedTuple):
    """Slices without every tenth tilt."""

    measurement: Measurement
    """With all tilts."""
    tilts: Tensor
    """Those that are kept out, boolean (1 or B, 1, A, 1)."""
    tomograms: list[Tensor]
    """Made of the others, (B, 1, N, N) each."""
    errors: Tensor
    """What each misses of the rays on the tilts that are kept out, (B, K, rays)."""
    data: Tensor
    """The sum of squares there, (B,)."""
    wedge_deg: Tensor
    noise: Tensor
    """The variance of the noise on a ray, (B,)."""

    @property
    def products(self) -> Tensor:
        """Inner products of the errors, (B, K, K)."""
        return self.errors @ self.errors.mT


def mixed(made: Sequence[Tensor], choice: Choice, measurement: Measurement) -> Tensor:
    """The mixture (B, 1, N, N) of tomograms of each kind."""
    measured, in_wedge = _mixtures(made, choice, measurement)
    mixture: Tensor = measured + in_wedge * choice.inside.to(measured).reshape(-1, 1, 1, 1)
    return mixture.clamp(min=0)


def _mixtures(made: Sequence[Tensor], choice: Choice, measurement: Measurement) -> tuple[Tensor, Tensor]:
    """What predicts the tilts best, and what the networks alone have more of it in the missing wedge, (B, 1, N, N)."""
    tomograms = torch.stack(list(made), dim=1)
    measured = _sum(tomograms, choice.shares)
    filling = _sum(tomograms[:, :-2], choice.of_networks())
    return measured, torch.fft.ifft2(torch.fft.fft2(filling - measured) * wedge_mask(measurement)).real


def _as_far_as_predicted(choice: Choice, seen: Sequence[_Seen]) -> Choice:
    """The choice, with no more of the networks in the wedge than :data:`WORSE` and :data:`EXACT` let it cost on kept-out tilts.

    What lies in the wedge changes no projection of a specimen in the field. Of one that leaves the field it does: where the slice ends,
    or the detector, directions mix.
    """
    squares = []
    for one in seen:
        measured, in_wedge = _mixtures(one.tomograms, choice, one.measurement)
        before = (choice.shares[:, None] @ one.errors).squeeze(1)  # of the mixture: shares add up to 1
        change = errors_on(measured + in_wedge, one.measurement, one.tilts).flatten(1).double() - before
        allowed = (before**2).sum(dim=1) * (WORSE**2 - 1) + one.data * EXACT**2
        squares.append(torch.stack([(change**2).sum(dim=1), (change * before).sum(dim=1), allowed]))
    each = torch.cat(squares, dim=1)
    steep, slope, allowed = each if len(choice.inside) == each.shape[1] else each.sum(dim=1, keepdim=True)
    most = ((slope**2 + steep * allowed).sqrt() - slope) / steep.clamp(min=torch.finfo(steep.dtype).tiny)
    return choice._replace(inside=torch.where(steep > 0, torch.minimum(choice.inside, most), choice.inside))


def _sum(tomograms: Tensor, shares: Tensor) -> Tensor:
    return tomograms.mul(shares.to(tomograms)[..., None, None, None]).sum(dim=1)
