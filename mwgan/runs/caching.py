"""Training pairs cached in a folder (``cache=``) instead of computed again in every epoch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

from mwgan.acquisition import Sample
from mwgan.configuration import plain
from mwgan.data import ImageSource
from mwgan.data.datamodules import SourceDataset
from mwgan.errors import InputError
from mwgan.training import AdversarialModule
from mwgan.training.cached_examples import DRAW_EPOCH, CachedExamples, fill_cache
from mwgan.training.examples import WITHOUT_GENERATOR, example

PERMISSIONS = ("allow",)  # arguments of examples that don't affect their content


def cached(cfg: DictConfig, module: AdversarialModule, source: ImageSource, device: str, alone: bool) -> CachedExamples:
    """The training pairs in ``cfg.cache``; missing ones are computed first.

    Parameters
    ----------
    cfg, module, source
        The training, and its images.
    device
        Where pairs are computed.
    alone
        Whether this is the training's only process. Several would write the same files, so they only read an existing cache.

    Raises
    ------
    InputError
        If the folder holds a cache of something else, or the model's inputs can't be cached.
    """
    if set(plain(cfg.data.get("sizes")) or [cfg.data.size]) != {cfg.data.size}:
        raise InputError("cache= stores images of one size: train with data.sizes=null")
    folder, samples = Path(cfg.cache), SourceDataset(source, cfg.seed)
    limit = cfg.trainer.limit_train_batches
    count = min(len(samples), limit * cfg.data.batch_size) if isinstance(limit, int) else len(samples)

    @torch.no_grad()
    def shown(batch: Sample) -> tuple[Any, torch.Tensor]:
        return example(module.examples, module.task, module.acquisition, module.generator, batch)

    if alone:
        module.generator.to(device)
        fill_cache(
            folder,
            lambda index: samples.sample(DRAW_EPOCH, index),
            count,
            shown,
            device,
            _made_from(cfg, module),
            source.name,
            progress=lambda text: print(text, flush=True),
        )
    return CachedExamples(folder)


def _made_from(cfg: DictConfig, module: AdversarialModule) -> dict[str, Any]:
    """Everything that determines the content of a cache."""
    examples = module.examples
    beside = WITHOUT_GENERATOR if examples is None else examples.made_from()
    decided = {"data": plain(cfg.data.train), "acquisition": plain(cfg.acquisition), "seed": cfg.seed}
    decided |= {"generator": plain(cfg.model.generator), "task": plain(cfg.model.task)}
    node = plain(cfg.model.get("examples"))
    if node is not None:
        kept = {key: value for key, value in node.items() if key not in PERMISSIONS}
        decided["examples"] = {key: None if key in beside else value for key, value in kept.items()}
    return {key: value for key, value in (decided | beside).items() if value is not None}
