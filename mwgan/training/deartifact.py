"""The de-artifact mixture of Ding 2019: tomograms with many kinds of artifacts, to train a restorer on."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mwgan.acquisition import Acquisition, Sample
from mwgan.errors import InputError
from mwgan.files.atomic import sha256
from mwgan.files.checkpoints import checkpoint_of, has_checkpoint
from mwgan.files.weights import read_weights
from mwgan.recon.joint import JointModel
from mwgan.recon.learned import load_network
from mwgan.recon.sart import SART
from mwgan.training.examples import Examples, draws

KINDS = ("missing_wbp", "complete_wbp", "missing_sart", "inpainted_wbp")


class DeArtifactExamples(Examples):
    """Tomograms with a random kind of artifact per sample, so that the restorer neither relies on one nor over-corrects.

    Everything is computed on the fly on the training device. The sample's seed decides the kind and the checkpoint of the
    inpainter.

    Parameters
    ----------
    mixture
        Shares of ``missing_wbp``, ``complete_wbp``, ``missing_sart`` and ``inpainted_wbp`` (Ding 2019, Table 3: 10,000,
        7,500, 7,500 and 20,000); only their ratios count.
    inpainters
        Run folder of the inpainter's training; its early and late checkpoints are used.
    sart
        The SART of ``missing_sart``; its number of iterations is our choice.
    allow
        Packages, besides mwgan, whose classes the inpainters may use.
    """

    def __init__(
        self, mixture: Mapping[str, float], inpainters: str | None = None, sart: SART | None = None, allow: Collection[str] = ()
    ) -> None:
        unknown = set(mixture) - set(KINDS)
        if unknown or not mixture or not min(mixture.values()) >= 0 or not 0 < sum(mixture.values()) < math.inf:
            raise InputError(f"the mixture takes shares of 0 or more of {', '.join(KINDS)}: got {dict(mixture)}")
        self.shares = torch.tensor([float(mixture.get(kind, 0.0)) for kind in KINDS], dtype=torch.float64)
        self.inpainters, self.allow = inpainters, tuple(allow)
        self.sart = sart or SART(iterations=10, subsets=10, relaxation=0.5)
        self._networks: list[nn.Module] | None = None

    @torch.no_grad()
    def __call__(self, sample: Sample, acquisition: Acquisition, generator: nn.Module) -> tuple[Tensor, Tensor]:
        """The input (B, C, N, N) of the restorer of a :class:`JointModel`, and the images (B, 1, N, N).

        ``missing_sart`` synchronises with the GPU: SART takes the samples in groups that share their tilts.
        """
        if not isinstance(generator, JointModel):
            raise InputError("the de-artifact mixture is for a joint model: leave examples out, or take examples=measured")
        seeds = torch.as_tensor(sample.seed)
        device = sample.image.device
        kinds, chances = self._draw(seeds)  # on the CPU
        measurement = acquisition(sample.image, seeds, kinds == KINDS.index("complete_wbp"), sample.leader)
        tomogram = generator.wbp(measurement)
        sart = _positions(kinds == KINDS.index("missing_sart"), device)
        if len(sart):
            tomogram[sart] = self.sart(measurement.samples(sart))
        inpainted = kinds == KINDS.index("inpainted_wbp")
        if bool(inpainted.any()):
            networks = self._inpainters(device)
            chosen = (chances * len(networks)).long().clamp(max=len(networks) - 1)
            for number, network in enumerate(networks):
                these = _positions(inpainted & (chosen == number), device)
                if len(these):
                    tomogram[these] = generator.inpaint(measurement.samples(these), network)
        return generator.view(tomogram, measurement), sample.middle

    def check(self) -> None:
        """Raise an :class:`InputError` if the mixture needs inpainters and they are missing or of several trainings."""
        if self._inpaints:
            paths = inpainter_checkpoints(self.inpainters)
            records = [read_weights(path)[0] for path in paths]
            whose = [(record.generator, record.geometry, record.seed) for record in records]
            for path, its in zip(paths, whose, strict=True):
                if its != whose[-1]:
                    raise InputError(f"{path} belongs to another training than last.ckpt beside it: move it away")

    def made_from(self) -> dict[str, Any]:
        files = inpainter_checkpoints(self.inpainters) if self._inpaints else None
        return {"task": None, "inpainters": files and [sha256(file)[:16] for file in files]}

    @property
    def _inpaints(self) -> bool:
        return bool(self.shares[KINDS.index("inpainted_wbp")] > 0)

    def _draw(self, seeds: Tensor) -> tuple[Tensor, Tensor]:
        """Each sample's kind, and a number in [0, 1) that chooses its checkpoint, each (B,)."""
        numbers = draws(seeds)
        edges = (self.shares.cumsum(0) / self.shares.sum())[:-1].float()
        return torch.bucketize(numbers[:, 0].contiguous(), edges, right=True), numbers[:, 1]

    def _inpainters(self, device: torch.device) -> list[nn.Module]:
        if self._networks is None:
            paths = inpainter_checkpoints(self.inpainters)
            self._networks = [load_network(path, device, self.allow).generator.requires_grad_(False) for path in paths]
        return self._networks


def _positions(chosen: Tensor, device: torch.device) -> Tensor:
    """Positions (K,), on ``device``, where ``chosen`` (B,), on the CPU, is true."""
    return chosen.nonzero().flatten().to(device, non_blocking=device.type == "cuda")


def inpainter_checkpoints(run: str | Path | None) -> list[Path]:
    """The checkpoints in an inpainter's run folder: those of single epochs, and the last (twice, if its epoch was kept as well).

    Raises
    ------
    InputError
        If no folder is given or it holds none.
    """
    if run is None:
        raise InputError(
            "the mixture contains inpainted_wbp: give init={generator.inpainter: RUN}, or besides init= model.examples.inpainters=RUN, "
            "where RUN is the folder of an inpainter's training (experiment=ding2019/inpainting)"
        )
    folder = Path(run) / "checkpoints"
    if not has_checkpoint(Path(run)):
        raise InputError(f"{run} has no checkpoints/last.ckpt: give the run folder of experiment=ding2019/inpainting")
    return [*sorted(folder.glob("epoch_*.ckpt")), checkpoint_of(Path(run))]
