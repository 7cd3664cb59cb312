"""The projections of atoms: exact line integrals of isotropic Gaussians over detector pixels, differentiable in all that they have."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mwgan.errors import InputError
from mwgan.geometry import TiltGeometry
from mwgan.operators.cpu import _deal_out

PARTS = 4  # as in :mod:`mwgan.operators.atom_kernels`
REACH = 5.0  # widths of an atom beyond which it is nothing: 6e-7 of it lie there in either direction


@dataclass(frozen=True)
class AtomProjector:
    """Atoms to the images of a tilt series, in the conventions of :mod:`mwgan.geometry`.

    The line integral of an isotropic Gaussian is a Gaussian on the detector; it is integrated over the area of each pixel, so that
    projections by :class:`mwgan.operators.ParallelBeam` of the same atoms differ only by the voxelisation.

    Parameters
    ----------
    geometry
        Tilts and detector.
    slices
        Detector pixels Y along the tilt axis.
    reach
        Cutoff in units of an atom's width.
    """

    geometry: TiltGeometry
    slices: int
    reach: float = REACH

    def __call__(
        self, places: Tensor, masses: Tensor, widths: Tensor, shifts: Tensor | None = None, turns_deg: Tensor | None = None
    ) -> Tensor:
        """Images (A, Y, N) of line integrals in pixel units.

        Parameters
        ----------
        places
            (K, 3) pixels x, y, z from the centre of the volume: x along the detector, y along the tilt axis, z along the beam.
        masses
            (K,): integrated intensities of the atoms.
        widths
            (K,): standard deviations of the Gaussians in pixels.
        shifts
            (A, 2): image shifts in pixels, along the detector and along the tilt axis.
        turns_deg
            (A,): corrections of the tilts.

        Raises
        ------
        InputError
            If the shapes don't match, or a width is not above 0.
        """
        count = len(masses)
        if tuple(places.shape) != (count, 3) or tuple(widths.shape) != (count,):
            raise InputError(
                f"{count} atoms have places ({count}, 3) and widths ({count},), not {tuple(places.shape)} and {tuple(widths.shape)}"
            )
        if count and not bool((widths > 0).all()):
            raise InputError("an atom's width must be above 0 pixels")
        columns, rows = self.on_detector(places, shifts, turns_deg)
        return _Spots.apply(self, columns, rows, masses, widths)  # type: ignore[no-untyped-call, no-any-return]

    def on_detector(self, places: Tensor, shifts: Tensor | None = None, turns_deg: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Columns and rows (K, A) of the projected atoms on the detector; arguments as for a call."""
        tilt = torch.deg2rad(torch.tensor(self.geometry.tilt_deg, dtype=places.dtype, device=places.device))
        if turns_deg is not None:
            tilt = tilt + torch.deg2rad(turns_deg)
        x, y, z = places.unbind(dim=1)
        middle = (self.geometry.detector_size - 1) / 2 + tilt.new_tensor(self.geometry.offsets_px)
        columns = middle + x[:, None] * torch.cos(tilt) - z[:, None] * torch.sin(tilt)
        rows = (self.slices - 1) / 2 + y[:, None].expand_as(columns)
        if shifts is not None:
            columns, rows = columns + shifts[:, 0], rows + shifts[:, 1]
        return columns, rows

    def add(self, columns: Tensor, rows: Tensor, widths: Tensor, amounts: Tensor) -> Tensor:
        """Images (A, Y, N): sums of ``amounts`` (K, A, 4) times each spot and its derivatives by column, row and width."""
        images = amounts.new_zeros(self.geometry.tilts, self.slices, self.geometry.detector_size)
        if images.device.type != "cpu":
            return self._elsewhere(columns, rows, widths, amounts, images)
        from mwgan.operators.atom_kernels import add_spots

        given = [_numbers(one) for one in (columns, rows, widths, amounts)]

        def work(first: int, last: int) -> None:
            add_spots(*given, images.numpy(), self.reach, first, last, *self._room(amounts))

        _deal_out(work, self.geometry.tilts)
        return images

    def gather(self, columns: Tensor, rows: Tensor, widths: Tensor, images: Tensor) -> Tensor:
        """Inner products (K, A, 4) of ``images`` (A, Y, N) with each spot and its derivatives: the adjoint of :meth:`add`."""
        amounts = images.new_zeros(*columns.shape, PARTS)
        if images.device.type != "cpu":
            return self._gathered_elsewhere(columns, rows, widths, images)
        from mwgan.operators.atom_kernels import gather_spots

        given = [_numbers(one) for one in (columns, rows, widths, images)]

        def work(first: int, last: int) -> None:
            gather_spots(*given, amounts.numpy(), self.reach, first, last, *self._room(images))

        _deal_out(work, self.geometry.tilts)
        return amounts

    def _room(self, like: Tensor) -> tuple[Any, Any]:
        return like.new_empty(3, self.geometry.detector_size).numpy(), like.new_empty(3, self.slices).numpy()

    # On a GPU: the pixels around each spot, (K, rows, columns), one tilt at a time.

    def _elsewhere(self, columns: Tensor, rows: Tensor, widths: Tensor, amounts: Tensor, images: Tensor) -> Tensor:
        if not len(widths):
            return images
        for tilt in range(self.geometry.tilts):
            place, across, along = self._patches(columns[:, tilt], rows[:, tilt], widths)
            whole, by_column, by_row, by_width = (one[:, None] for one in amounts[:, tilt].unbind(dim=1))
            one = along[0][:, :, None] * (whole * across[0] + by_column * across[1] + by_width * across[2])[:, None]
            other = (by_row * along[1] + by_width * along[2])[:, :, None] * across[0][:, None]
            images[tilt].view(-1).index_add_(0, place.flatten(), (one + other).flatten())
        return images

    def _gathered_elsewhere(self, columns: Tensor, rows: Tensor, widths: Tensor, images: Tensor) -> Tensor:
        found = []
        for tilt in range(self.geometry.tilts if len(widths) else 0):
            place, across, along = self._patches(columns[:, tilt], rows[:, tilt], widths)
            pixels = images[tilt].reshape(-1)[place]
            value, slope, growth = (torch.einsum("kij,kj->ki", pixels, one) for one in across)
            parts = (
                (along[0] * value).sum(1),
                (along[0] * slope).sum(1),
                (along[1] * value).sum(1),
                (along[0] * growth + along[2] * value).sum(1),
            )
            found.append(torch.stack(parts, dim=1))
        return torch.stack(found, dim=1) if found else images.new_zeros(0, self.geometry.tilts, PARTS)

    def _patches(self, columns: Tensor, rows: Tensor, widths: Tensor) -> tuple[Tensor, tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Indices (K, H, W) of the pixels around each spot, and both profiles, 0 off the detector."""
        half = math.ceil(self.reach * float(widths.max()) + 0.5)
        steps = torch.arange(-half, half + 1, device=columns.device)
        size = self.geometry.detector_size
        column, row = columns.round().long()[:, None] + steps, rows.round().long()[:, None] + steps
        across = _profile(columns[:, None], widths[:, None], column, size, self.reach)
        along = _profile(rows[:, None], widths[:, None], row, self.slices, self.reach)
        place = row.clamp(0, self.slices - 1)[:, :, None] * size + column.clamp(0, size - 1)[:, None]
        return place, across, along


def _profile(centre: Tensor, width: Tensor, pixel: Tensor, size: int, reach: float) -> tuple[Tensor, ...]:
    """As :func:`mwgan.operators.atom_kernels.profile`, with 0 for pixels off the detector or out of reach."""
    low, high = (pixel - 0.5 - centre) / width, (pixel + 0.5 - centre) / width
    root = math.sqrt(2.0)
    below, above = (torch.exp(-0.5 * edge**2) / math.sqrt(2 * math.pi) for edge in (low, high))
    value = 0.5 * (torch.erf(high / root) - torch.erf(low / root))
    there = (pixel >= 0) & (pixel < size) & (low.abs().minimum(high.abs()) <= reach)
    parts = (value, (below - above) / width, (low * below - high * above) / width)
    return tuple(torch.where(there, part, 0.0) for part in parts)


class _Spots(torch.autograd.Function):
    """Spots of the detector, differentiable in column, row, mass and width."""

    @staticmethod
    def forward(ctx, projector, columns, rows, masses, widths):  # type: ignore[no-untyped-def]
        ctx.projector = projector
        ctx.save_for_backward(columns, rows, masses, widths)
        amounts = columns.new_zeros(*columns.shape, PARTS)
        amounts[..., 0] = masses[:, None]
        return projector.add(columns, rows, widths, amounts)

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        columns, rows, masses, widths = ctx.saved_tensors
        whole, by_column, by_row, by_width = ctx.projector.gather(columns, rows, widths, gradient.contiguous()).unbind(dim=2)
        mass = masses[:, None]
        return None, mass * by_column, mass * by_row, whole.sum(1), (mass * by_width).sum(1)


def _numbers(tensor: Tensor) -> Any:
    return tensor.detach().contiguous().numpy()
