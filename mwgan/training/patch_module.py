"""The adversarial module for networks of volumes: it trains on patches, and is judged by patches of particles that it hasn't seen."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mwgan.acquisition import FILLER, Sample
from mwgan.errors import InputError
from mwgan.metrics import image_metrics
from mwgan.recon.atom_volume import ShowAtoms
from mwgan.training.adversarial import AdversarialModule
from mwgan.training.atom_patches import AtomPatches


class PatchModule(AdversarialModule):
    """As :class:`AdversarialModule`, whose examples are an :class:`AtomPatches`.

    Of each patch the middle slice across the tilt axis is what validation measures and what is shown.
    """

    examples: AtomPatches

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not isinstance(self.examples, AtomPatches):
            raise InputError("a PatchModule learns from mwgan.training.AtomPatches: name them as its examples")
        if not isinstance(self.task, ShowAtoms):
            raise InputError("a PatchModule's task is mwgan.recon.ShowAtoms")
        self.examples.task = self.task

    def forward(self, sample: Sample) -> tuple[Tensor, Tensor, Tensor]:
        """Middle slices of what the generator saw, gave and should have given (each (B x patches, 1, Z, X)), for showing."""
        seen, target, _ = self._held_out(sample)
        return tuple(_middle(one) for one in (self.task.condition(seen), self.generator(seen), target))  # type: ignore[return-value]

    def validation_step(self, batch: Sample, batch_index: int) -> dict[str, Tensor]:
        """The quality of each patch and its missing wedge in degrees."""
        counted = torch.as_tensor(batch.image_index).cpu() != FILLER
        seen, target, wedge = self._held_out(batch)
        values = image_metrics(_middle(self.generator(seen)).clamp(min=0), _middle(target))
        kept = counted.repeat_interleave(self.examples.patches)
        values = {name: value[kept] for name, value in values.items()}
        self.quality.update(values)
        return {**values, "wedge_deg": wedge[kept].to(target.device)}

    def _held_out(self, sample: Sample) -> tuple[Tensor, Tensor, Tensor]:
        return self.examples.cut(self.examples.held_out, sample, self.acquisition)


def _middle(patches: Tensor) -> Tensor:
    return patches[:, :, patches.shape[2] // 2]
