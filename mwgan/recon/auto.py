"""Networks, total variation and SIRT mixed, each trusted as far as it predicts tilts that were kept out."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from mwgan.geometry import Measurement
from mwgan.recon.held_out import EVERY, errors_on, held_out, without
from mwgan.recon.learned import LearnedReconstructor, load_reconstructor
from mwgan.recon.missing import wedge_mask, wedge_widths_deg
from mwgan.recon.mixture import Choice, chosen
from mwgan.recon.noise import white_noise
from mwgan.recon.sart import SIRT
from mwgan.recon.tvm import TVM


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
        self.networks = [load_reconstructor(network) for network in networks]
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
        return chosen(*self._errors(measurement))

    @torch.no_grad()
    def fixed(self, measurements: Iterable[Measurement]) -> Auto:
        """One mixture for all slices: what predicts the tilts that were kept out of all of these best."""
        of_each = [self._errors(measurement) for measurement in measurements]
        products, data, wedge_deg, noise = (torch.cat(parts) for parts in zip(*of_each, strict=True))
        same = copy.copy(self)
        same.choice = chosen(
            products.sum(dim=0, keepdim=True),
            data.sum(dim=0, keepdim=True),
            wedge_deg.amax(dim=0, keepdim=True),
            noise.mean(dim=0, keepdim=True),
        )
        return same

    def networks_taken(self) -> list[LearnedReconstructor]:
        """The networks that have a part in a tomogram: all of them until the choice is made."""
        taken = [True] * len(self.networks) if self.choice is None else self._wanted(self.choice).tolist()[:-2]
        return list(itertools.compress(self.networks, taken))

    def _errors(self, measurement: Measurement) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Errors' inner products (B, K, K) and the data's sum of squares (B,) on kept-out tilts; wedge and variance of the noise (B,)."""
        tilts = held_out(measurement, self.every)
        tomograms = self._tomograms(without(measurement, tilts))
        errors = torch.stack([errors_on(tomogram, measurement, tilts).flatten(1).double() for tomogram in tomograms], dim=1)
        data = (measurement.sinogram * tilts).flatten(1).double().square().sum(dim=1)
        noise = white_noise(measurement).flatten().double().square().nan_to_num(0.0)
        return errors @ errors.mT, data, wedge_widths_deg(measurement).expand(len(data)), noise

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


def mixed(made: Sequence[Tensor], choice: Choice, measurement: Measurement) -> Tensor:
    """The mixture (B, 1, N, N) of tomograms of each kind."""
    tomograms = torch.stack(list(made), dim=1)
    measured = _sum(tomograms, choice.shares)
    filling = _sum(tomograms[:, :-2], choice.of_networks())
    inside = choice.inside.to(measured).reshape(-1, 1, 1, 1)
    difference = torch.fft.fft2(filling - measured) * (wedge_mask(measurement) * inside)
    mixture: Tensor = measured + torch.fft.ifft2(difference).real
    return mixture.clamp(min=0)


def _sum(tomograms: Tensor, shares: Tensor) -> Tensor:
    return tomograms.mul(shares.to(tomograms)[..., None, None, None]).sum(dim=1)
