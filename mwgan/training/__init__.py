"""Training: Lightning modules. One adversarial module serves every model; configuration names its parts."""

from mwgan.training.adversarial import AdversarialModule
from mwgan.training.examples import DeArtifactExamples, MeasuredExamples
from mwgan.training.schedules import warmup_steps

__all__ = ["AdversarialModule", "DeArtifactExamples", "MeasuredExamples", "warmup_steps"]
