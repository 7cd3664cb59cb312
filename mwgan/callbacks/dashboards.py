"""Pictures and run settings for the loggers. The one place that distinguishes the kinds of loggers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pytorch_lightning.loggers import Logger, TensorBoardLogger, WandbLogger

HPARAMS_METRIC = "val/psnr"  # the scalar that TensorBoard lists with the settings

Plain = bool | int | float | str


def show_picture(loggers: Sequence[Logger], name: str, picture: npt.NDArray[np.uint8], epoch: int) -> None:
    """Pass a picture (H, W, 3) to every logger that can show one."""
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.experiment.add_image(name, picture, epoch, dataformats="HWC")
        elif isinstance(logger, WandbLogger):
            logger.log_image(name, [picture], caption=[f"epoch {epoch}"])


def show_settings(loggers: Sequence[Logger], record: Mapping[str, Any]) -> None:
    """Pass the record of a run (configuration, commit, data) to every logger, as flat plain values."""
    settings = flat(record)
    for logger in loggers:
        logger.log_hyperparams(settings)
        if isinstance(logger, TensorBoardLogger):  # writes hparams to a separate file, but displays only those in its events
            from torch.utils.tensorboard.summary import hparams

            for part in hparams(settings, {HPARAMS_METRIC: 0.0}):  # type: ignore[no-untyped-call]
                logger.experiment.file_writer.add_summary(part)


def flat(record: Mapping[str, Any], prefix: str = "") -> dict[str, Plain]:
    """Nested settings as ``{"config/data/size": 256, …}``; references to other settings are left out, as those are listed too."""
    values: dict[str, Plain] = {}
    for key, value in record.items():
        if isinstance(value, Mapping):
            values |= flat(value, f"{prefix}{key}/")
        elif isinstance(value, list) and any(isinstance(entry, Mapping) for entry in value):
            values |= flat({str(number): entry for number, entry in enumerate(value)}, f"{prefix}{key}/")
        elif not (isinstance(value, str) and "${" in value):
            values[f"{prefix}{key}"] = value if isinstance(value, Plain) else str(value)
    return values
