"""Training: Lightning modules. One adversarial module serves every model; configuration names its parts."""

from mwgan.training.adversarial import AdversarialModule

__all__ = ["AdversarialModule"]
