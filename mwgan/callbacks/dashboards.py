"""Pictures and run settings for the loggers. The one place that distinguishes the kinds of loggers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from pytorch_lightning.loggers import Logger, MLFlowLogger, TensorBoardLogger, WandbLogger
from pytorch_lightning.utilities import rank_zero_only

from mwgan.callbacks.trackio_log import TrackioLog

HPARAMS_METRIC = "val/psnr"  # the scalar that TensorBoard lists with the settings

Plain = bool | int | float | str


def show_picture(loggers: Sequence[Logger], name: str, picture: npt.NDArray[np.uint8], epoch: int) -> None:
    """Pass a picture (H, W, 3) to every logger that can show one."""
    for logger in loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.experiment.add_image(name, picture, epoch, dataformats="HWC")
        elif isinstance(logger, MLFlowLogger):
            logger.experiment.log_image(logger.run_id, picture, key=name, step=epoch)
        elif isinstance(logger, WandbLogger):
            logger.log_image(name, [picture], caption=[f"epoch {epoch}"])
        elif isinstance(logger, TrackioLog):
            logger.log_image(name, picture, caption=f"epoch {epoch}")


@rank_zero_only
def show_settings(loggers: Sequence[Logger], record: Mapping[str, Any]) -> None:
    """Pass the record of a run (configuration, commit, data) to every logger, as flat plain values."""
    settings = flat(record)
    for logger in loggers:
        known = _settings_of(logger) if isinstance(logger, MLFlowLogger) else {}
        logger.log_hyperparams({name: value for name, value in settings.items() if name not in known})
        if isinstance(logger, TensorBoardLogger):  # writes hparams to a separate file, but displays only those in its events
            from torch.utils.tensorboard.summary import hparams

            for part in hparams(settings, {HPARAMS_METRIC: 0.0}):  # type: ignore[no-untyped-call]
                logger.experiment.file_writer.add_summary(part)


def _settings_of(logger: MLFlowLogger) -> Mapping[str, str]:
    """What a run that continues has said of itself: MLflow lets nobody change a setting."""
    return logger.experiment.get_run(logger.run_id).data.params  # type: ignore[no-any-return]


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
