"""Adversarial and pixel losses. Adversarial ones take the discriminator's raw scores on real and generated images."""

from __future__ import annotations

from typing import Any, Protocol

import torch
import torch.distributed as dist
from torch import Tensor

from mwgan.errors import InputError

SMALLEST_ERROR = 1e-6  # mean squared: beyond 60 dB nothing is gained


class AdversarialLoss(Protocol):
    """A GAN loss: what the discriminator minimises, and what the generator minimises."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor: ...

    def generator(self, real: Tensor, fake: Tensor) -> Tensor: ...


class RaLSGAN:
    """Relativistic average least-squares GAN.

    The mean E over the minibatch is taken where a score is compared with the other kind's average:
    ``D: (D(real) - E D(fake) - 1)^2 + (D(fake) - E D(real) + 1)^2``, and ``G`` with the signs of 1 swapped.

    Parameters
    ----------
    global_mean
        Take E over the batches of all processes. Losses and gradients, averaged over the processes as data-parallel training
        does, are then those of one process with the whole batch. Otherwise each process compares with its own batch alone.

    References
    ----------
    IRDM 2020 (arXiv:2003.12259), equations 1 and 2; Jolicoeur-Martineau, ICLR 2019.
    """

    def __init__(self, global_mean: bool = True) -> None:
        self.global_mean = global_mean

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        real_mean, fake_mean = self._means(real, fake)
        return (real - fake_mean - 1).square().mean() + (fake - real_mean + 1).square().mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        real_mean, fake_mean = self._means(real, fake)
        return (real - fake_mean + 1).square().mean() + (fake - real_mean - 1).square().mean()

    def _means(self, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        if not (self.global_mean and dist.is_available() and dist.is_initialized()):
            return real.mean(), fake.mean()
        means: Tensor = _MeanOverProcesses.apply(torch.stack([real.mean(), fake.mean()]))  # type: ignore[no-untyped-call]
        return means[0], means[1]


class _MeanOverProcesses(torch.autograd.Function):
    """The mean of a value over all processes.

    Each process' value enters every process' loss with equal weight. So its gradient is the mean of those of all losses, not
    only of the local one.
    """

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return _averaged(value)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return _averaged(gradient)


def _averaged(value: Tensor) -> Tensor:
    total = value.clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total)
    return total / dist.get_world_size()


class LSGAN:
    """Least-squares GAN (Mao et al., ICCV 2017): real towards 1, fake towards 0. The ablation of :class:`RaLSGAN`."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return (real - 1).square().mean() + fake.square().mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return (fake - 1).square().mean()


class PixelLoss:
    """Mean absolute (``l1``) or mean squared (``l2``) error against the truth, or ``log_l2``, which weighs images equally.

    Parameters
    ----------
    norm
        ``l1``, ``l2``, or ``log_l2``: the mean over the images of log(mean squared error). A decibel counts the same in an
        easy image, with little noise and a narrow wedge, as in a hard one, whose error is hundreds of times as large.
    floor
        Outputs are clipped to it from below: negative densities are clipped in use, and an exactly empty background is then
        free. None compares the raw output.
    """

    def __init__(self, norm: str = "l1", floor: float | None = None) -> None:
        if norm not in ("l1", "l2", "log_l2"):
            raise InputError(f"the pixel loss must be l1, l2 or log_l2, not {norm!r}")
        self.norm, self.floor = norm, floor

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        if self.floor is not None:
            output = output.clamp(min=self.floor)
        if self.norm == "log_l2":
            return (output - target).square().flatten(1).mean(dim=1).add(SMALLEST_ERROR).log().mean()
        return torch.nn.functional.l1_loss(output, target) if self.norm == "l1" else torch.nn.functional.mse_loss(output, target)
