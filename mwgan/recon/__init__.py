"""Reconstruction: a Measurement in, tomograms out. Classical methods and trained networks share one face."""

from mwgan.recon.base import Progress, Reconstructor
from mwgan.recon.learned import LearnedReconstructor, load_reconstructor
from mwgan.recon.sart import SART, SIRT
from mwgan.recon.task import RestoreWBP, Task
from mwgan.recon.tomopy import TomoPy
from mwgan.recon.tvm import TVM
from mwgan.recon.wbp import WBP

__all__ = [
    "SART",
    "SIRT",
    "TVM",
    "WBP",
    "LearnedReconstructor",
    "Progress",
    "Reconstructor",
    "RestoreWBP",
    "Task",
    "TomoPy",
    "load_reconstructor",
]
