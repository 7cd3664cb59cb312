"""Training: Lightning modules. One adversarial module serves every model; configuration names its parts."""

from mwgan.training.adversarial import AdversarialModule
from mwgan.training.atom_patches import AtomPatches
from mwgan.training.deartifact import DeArtifactExamples
from mwgan.training.examples import Examples, MeasuredExamples
from mwgan.training.guided_examples import GuidedExamples
from mwgan.training.patch_module import PatchModule
from mwgan.training.schedules import warmup_steps

__all__ = [
    "AdversarialModule",
    "AtomPatches",
    "DeArtifactExamples",
    "Examples",
    "GuidedExamples",
    "MeasuredExamples",
    "PatchModule",
    "warmup_steps",
]
