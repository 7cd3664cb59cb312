"""A trained network for atoms: all images in, a volume out."""

from __future__ import annotations

import itertools
import os
from collections.abc import Collection, Sequence
from pathlib import Path
from types import EllipsisType

import torch
from torch import Tensor, nn

from mwgan.files.record import TrainingRecord
from mwgan.geometry import TiltGeometry
from mwgan.methods import known_methods
from mwgan.paths import shipped_weights
from mwgan.recon.atom_volume import AtomSeries, ShowAtoms
from mwgan.recon.learned import STRETCH, load_parts

CORE = 96  # voxels along an edge of a part that is computed at once, without its overlap


class LearnedAtoms:
    """A network for volumes of atoms.

    Parameters
    ----------
    generator
        Trained on patches. If it has ``reach`` and ``multiple``, as :class:`mwgan.networks.ResidualUNet3d`, large volumes are
        computed in parts.
    task
        Its input and output.
    record
        Of its training.
    """

    def __init__(self, generator: nn.Module, task: ShowAtoms, record: TrainingRecord) -> None:
        self.generator, self.task, self.record = generator.eval(), task, record

    @torch.no_grad()
    def __call__(self, series: AtomSeries, core: int = CORE) -> Tensor:
        """A volume (Y, Z, X) in which each atom is a narrow Gaussian; the heaviest have a peak of about 1.

        Parameters
        ----------
        series
            Images, on the network's device.
        core
            Voxels along an edge of the parts; the result doesn't depend on it.
        """
        return self.task.tomogram(in_parts(self.generator, self.task.see(series), core), series)

    def outside_training(self, geometry: TiltGeometry) -> str | None:
        """One sentence if the missing wedge or the tilt step is outside the training's range, else None."""
        gap, (low, high), coarsest = geometry.gap_deg, self.record.wedge_deg, self.record.geometry.step_deg
        step = (180 - gap) / geometry.tilts
        if gap > high + 2 * step:
            return f"{gap:g} degrees are missing, and the network for atoms was trained on {low:g} to {high:g}"
        if step > STRETCH * coarsest:
            return f"the tilts lie {step:.3g} degrees apart, and the network for atoms was trained on steps of up to {coarsest:g}"
        return None


def in_parts(network: nn.Module, seen: Tensor, core: int) -> Tensor:
    """Apply a network to a volume (1, C, Y, Z, X) in parts that overlap by its receptive field: seamless."""
    multiple, sides = getattr(network, "multiple", 1), seen.shape[2:]
    overlap, core = (multiple * -(-voxels // multiple) for voxels in (getattr(network, "reach", max(sides)), core))
    padded = nn.functional.pad(seen, [end for side in reversed(sides) for end in (0, -side % multiple)])
    found = seen.new_empty(1, 1, *padded.shape[2:])
    for corner in itertools.product(*(range(0, side, core) for side in padded.shape[2:])):
        first = [max(0, start - overlap) for start in corner]
        part = network(padded[_box(first, [start + core + overlap for start in corner])])
        inner = [start - one for start, one in zip(corner, first, strict=True)]
        found[_box(corner, [start + core for start in corner])] = part[_box(inner, [start + core for start in inner])]
    return found[..., : sides[0], : sides[1], : sides[2]]


def _box(starts: Sequence[int], stops: Sequence[int]) -> tuple[EllipsisType, slice, slice, slice]:
    y, z, x = (slice(start, stop) for start, stop in zip(starts, stops, strict=True))
    return ..., y, z, x


def load_atom_network(
    name_or_path: str | Path, device: torch.device | str = "cpu", allow: Collection[str] | str = ()
) -> LearnedAtoms | None:
    """The network for atoms in a shipped name (``atoms``), a weights file, a checkpoint or a run folder; None for anything else.

    Raises
    ------
    InputError
        As :func:`mwgan.recon.load_reconstructor`, for a file or folder.
    """
    name = str(name_or_path)
    if name in known_methods() or (name not in shipped_weights() and not os.path.exists(name)):
        return None
    generator, task, record = load_parts(name_or_path, device, allow)
    return LearnedAtoms(generator, task, record) if isinstance(task, ShowAtoms) else None
