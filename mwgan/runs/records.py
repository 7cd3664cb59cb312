"""The record of a training, written before it starts."""

from __future__ import annotations

from omegaconf import DictConfig

from mwgan.configuration import build, plain
from mwgan.data.source import ImageSource
from mwgan.files.record import TrainedGeometry, TrainingRecord
from mwgan.provenance import provenance


def record_of(cfg: DictConfig, device: str, source: ImageSource) -> TrainingRecord:
    """The record of the training that ``cfg`` describes, on ``device`` (as torch names it) and the images of ``source``."""
    steps = plain(cfg.acquisition.step_deg)
    coarsest = max(steps, default=0.0) if isinstance(steps, list) else steps  # an empty list is refused by the acquisition
    return TrainingRecord(
        generator=plain(cfg.model.generator),
        task=plain(cfg.model.task),
        geometry=TrainedGeometry(cfg.data.size, float(coarsest)),
        wedge_deg=(float(cfg.wedge.min_deg), float(cfg.wedge.max_deg)),
        noise_percent=build(cfg.acquisition.noise).percent,
        train_data=cfg.data.name,
        stand_ins=tuple(source.substituted),
        data=tuple(source.describe()),
        seed=cfg.seed,
        **provenance(plain(cfg, resolve=False), device),
    )
