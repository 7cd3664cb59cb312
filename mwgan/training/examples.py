"""What a generator is shown in training, where that is more than it is shown in use: the de-artifact mixture of Ding 2019."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from mwgan.acquisition import Acquisition, Sample
from mwgan.errors import InputError
from mwgan.files.checkpoints import checkpoint_of, has_checkpoint
from mwgan.files.weights import read_weights
from mwgan.geometry import Measurement
from mwgan.recon.joint import JointModel
from mwgan.recon.learned import load_reconstructor
from mwgan.recon.sart import SART

KINDS = ("missing_wbp", "complete_wbp", "missing_sart", "inpainted_wbp")


class Examples(Protocol):
    """Pairs of what the generator sees (or the measurement that shows it) and what it should give."""

    def __call__(self, sample: Sample, acquisition: Acquisition, generator: nn.Module) -> tuple[Any, Tensor]: ...


class DeArtifactExamples:
    """Tomograms with many kinds of artifacts, drawn per sample, so that the restorer neither relies on one nor over-corrects.

    Everything is made on the fly on the training device. Which kind, and which checkpoint of the inpainter, the sample's
    seed decides.

    Parameters
    ----------
    mixture
        Shares of ``missing_wbp``, ``complete_wbp``, ``missing_sart`` and ``inpainted_wbp`` (Ding 2019, Table 3: 10,000,
        7,500, 7,500 and 20,000); only their ratios count.
    inpainters
        Run folder of the inpainter's training: its checkpoints, early and late, inpaint.
    sart
        The SART of ``missing_sart``; its iterations are our choice.
    """

    def __init__(self, mixture: Mapping[str, float], inpainters: str | None = None, sart: SART | None = None) -> None:
        unknown = set(mixture) - set(KINDS)
        if unknown or not mixture or not min(mixture.values()) >= 0 or not 0 < sum(mixture.values()) < math.inf:
            raise InputError(f"the mixture holds shares of 0 or more of {', '.join(KINDS)}: got {dict(mixture)}")
        self.shares = torch.tensor([float(mixture.get(kind, 0.0)) for kind in KINDS], dtype=torch.float64)
        self.inpainters = inpainters
        self.sart = sart or SART(iterations=10, subsets=10, relaxation=0.5)
        self._networks: list[nn.Module] | None = None

    @torch.no_grad()
    def __call__(self, sample: Sample, acquisition: Acquisition, generator: nn.Module) -> tuple[Tensor, Tensor]:
        """What the restorer of a :class:`JointModel` sees (B, C, N, N), and the images (B, 1, N, N).

        A sample of ``missing_sart`` waits for the GPU: SART takes the samples in groups that share their tilts.
        """
        assert isinstance(generator, JointModel)
        seeds = torch.as_tensor(sample.seed)
        device = sample.image.device
        kinds, draws = self._draw(seeds)  # on the CPU
        measurement = acquisition(sample.image, seeds, kinds == KINDS.index("complete_wbp"), sample.leader)
        tomogram = generator.wbp(measurement)
        sart = _positions(kinds == KINDS.index("missing_sart"), device)
        if len(sart):
            tomogram[sart] = self.sart(measurement.samples(sart))
        inpainted = kinds == KINDS.index("inpainted_wbp")
        if bool(inpainted.any()):
            networks = self._inpainters(device)
            chosen = (draws * len(networks)).long().clamp(max=len(networks) - 1)
            for number, network in enumerate(networks):
                these = _positions(inpainted & (chosen == number), device)
                if len(these):
                    tomogram[these] = generator.inpainted(measurement.samples(these), network)
        return generator.view(tomogram, measurement), sample.image

    def check(self) -> None:
        """Raise an :class:`InputError` unless there are inpainters, all of one training, for a mixture that wants them."""
        if self.shares[KINDS.index("inpainted_wbp")] > 0:
            paths = inpainter_checkpoints(self.inpainters)
            records = [read_weights(path)[0] for path in paths]
            for path, record in zip(paths, records, strict=True):
                if any(record.get(key) != records[-1].get(key) for key in ("generator", "geometry", "seed")):
                    raise InputError(f"{path} belongs to another training than last.ckpt beside it: move it away")

    def _draw(self, seeds: Tensor) -> tuple[Tensor, Tensor]:
        """Each sample's kind, and a number in [0, 1) that chooses its checkpoint, each (B,)."""
        draws = _draws(seeds)
        edges = (self.shares.cumsum(0) / self.shares.sum())[:-1].float()
        return torch.bucketize(draws[:, 0].contiguous(), edges, right=True), draws[:, 1]

    def _inpainters(self, device: torch.device) -> list[nn.Module]:
        if self._networks is None:
            paths = inpainter_checkpoints(self.inpainters)
            self._networks = [load_reconstructor(path, device).generator.requires_grad_(False) for path in paths]
        return self._networks


class MeasuredExamples:
    """Measurements, some of them complete; the model's task makes of them what the generator sees.

    Parameters
    ----------
    complete_share
        Share of the samples that lose no wedge, so that nothing is repaired where nothing is missing.
    """

    def __init__(self, complete_share: float = 0.1) -> None:
        if not 0 <= complete_share <= 1:
            raise InputError(f"the share of complete sinograms lies in [0, 1], not {complete_share}")
        self.complete_share = complete_share

    def __call__(self, sample: Sample, acquisition: Acquisition, generator: nn.Module) -> tuple[Measurement, Tensor]:
        """Measurements of the images (B, 1, N, N), and the images."""
        seeds = torch.as_tensor(sample.seed)
        complete = _draws(seeds)[:, 0] < self.complete_share
        return acquisition(sample.image, seeds, complete, sample.leader), sample.image


def _positions(chosen: Tensor, device: torch.device) -> Tensor:
    """Where ``chosen`` (B,), on the CPU, is true: positions (K,) on ``device``."""
    return chosen.nonzero().flatten().to(device, non_blocking=device.type == "cuda")


def _draws(seeds: Tensor) -> Tensor:
    """Two numbers in [0, 1) a sample (B, 2), of another stream than the acquisition's wedge and noise."""
    return torch.stack([torch.rand(2, generator=torch.Generator().manual_seed(int(seed) ^ 0x5EED)) for seed in seeds.tolist()])


def inpainter_checkpoints(run: str | Path | None) -> list[Path]:
    """The checkpoints of an inpainter's run folder: those kept along the way, and the last (twice, if it was kept as well).

    Raises
    ------
    InputError
        If no folder is given or it holds none.
    """
    if run is None:
        raise InputError("the mixture holds inpainted_wbp: give inpainters=<run folder of experiment=ding2019/inpainting>")
    folder = Path(run) / "checkpoints"
    if not has_checkpoint(Path(run)):
        raise InputError(f"{run} holds no checkpoints/last.ckpt: give the run folder of experiment=ding2019/inpainting")
    return [*sorted(folder.glob("epoch_*.ckpt")), checkpoint_of(Path(run))]
