"""The adversarial module for volume networks: trained on patches, validated on patches of held-out particles."""

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
    """An :class:`AdversarialModule` whose examples are :class:`AtomPatches`.

    Validation and pictures use the middle slice of each patch, perpendicular to the tilt axis.
    """

    examples: AtomPatches

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not isinstance(self.examples, AtomPatches):
            raise InputError("a PatchModule trains on mwgan.training.AtomPatches: give them as its examples")
        if not isinstance(self.task, ShowAtoms):
            raise InputError("a PatchModule's task is mwgan.recon.ShowAtoms")
        self.examples.task = self.task

    def forward(self, sample: Sample) -> tuple[Tensor, Tensor, Tensor]:
        """Middle slices of the generator's input, output and target (each (B x patches, 1, Z, X)), for display."""
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
