"""Reconstruction: a Measurement in, tomograms out. Classical methods and trained networks share one interface."""

from mwgan.recon.astra import Astra
from mwgan.recon.atom_volume import AtomSeries, ShowAtoms
from mwgan.recon.auto import Auto
from mwgan.recon.base import Progress, Reconstructor
from mwgan.recon.data_consistent import DataConsistent
from mwgan.recon.from_arrays import from_arrays
from mwgan.recon.inpainting import InpaintSinogram
from mwgan.recon.joint import JointModel
from mwgan.recon.learned import LearnedReconstructor, load_network
from mwgan.recon.learned_atoms import LearnedAtoms, load_atom_network
from mwgan.recon.loading import load_reconstructor
from mwgan.recon.normalized import Normalized
from mwgan.recon.primal_dual import LearnedPrimalDual
from mwgan.recon.sart import SART, SIRT
from mwgan.recon.task import RestoreMeasurement, RestoreWBP, Task
from mwgan.recon.tomopy import TomoPy
from mwgan.recon.tvm import TVM
from mwgan.recon.wbp import WBP

__all__ = [
    "SART",
    "SIRT",
    "TVM",
    "WBP",
    "Astra",
    "AtomSeries",
    "Auto",
    "DataConsistent",
    "InpaintSinogram",
    "JointModel",
    "LearnedAtoms",
    "LearnedPrimalDual",
    "LearnedReconstructor",
    "Normalized",
    "Progress",
    "Reconstructor",
    "RestoreMeasurement",
    "RestoreWBP",
    "ShowAtoms",
    "Task",
    "TomoPy",
    "from_arrays",
    "load_atom_network",
    "load_network",
    "load_reconstructor",
]
