"""Training: Lightning modules. One adversarial module serves every model; configuration names its parts."""

from mwgan.training.adversarial import AdversarialModule
from mwgan.training.deartifact import DeArtifactExamples
from mwgan.training.examples import Examples, MeasuredExamples
from mwgan.training.guided_examples import GuidedExamples
from mwgan.training.schedules import warmup_steps

__all__ = ["AdversarialModule", "DeArtifactExamples", "Examples", "GuidedExamples", "MeasuredExamples", "warmup_steps"]
