"""Losses of the adversarial game. Each takes the discriminator's raw scores on real and generated images."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from mwgan.errors import InputError


class AdversarialLoss(Protocol):
    """A flavour of GAN: what the discriminator minimises, and what the generator does."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor: ...

    def generator(self, real: Tensor, fake: Tensor) -> Tensor: ...


class RaLSGAN:
    """Relativistic average least-squares GAN.

    The mean E over the minibatch is taken where a score is compared with the other kind's average:
    ``D: (D(real) - E D(fake) - 1)^2 + (D(fake) - E D(real) + 1)^2``, and ``G`` with the signs of 1 swapped.

    References
    ----------
    IRDM 2020 (arXiv:2003.12259), equations 1 and 2; Jolicoeur-Martineau, ICLR 2019.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return (real - fake.mean() - 1).square().mean() + (fake - real.mean() + 1).square().mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return (real - fake.mean() + 1).square().mean() + (fake - real.mean() - 1).square().mean()


class LSGAN:
    """Least-squares GAN (Mao et al., ICCV 2017): real towards 1, fake towards 0. The ablation of :class:`RaLSGAN`."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return (real - 1).square().mean() + fake.square().mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return (fake - 1).square().mean()


class PixelLoss:
    """Mean absolute (``l1``) or mean squared (``l2``) error against the truth.

    Parameters
    ----------
    norm
        ``l1`` or ``l2``.
    floor
        Outputs below it count as it: a density below 0 is clipped in use, and an empty background then costs nothing to
        keep exactly empty. None compares the bare output.
    """

    def __init__(self, norm: str = "l1", floor: float | None = None) -> None:
        if norm not in ("l1", "l2"):
            raise InputError(f"the pixel loss is l1 or l2, not {norm!r}")
        self.norm, self.floor = norm, floor

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        if self.floor is not None:
            output = output.clamp(min=self.floor)
        return torch.nn.functional.l1_loss(output, target) if self.norm == "l1" else torch.nn.functional.mse_loss(output, target)
