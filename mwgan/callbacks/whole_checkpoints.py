"""Checkpoints that are written whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytorch_lightning.plugins.io import TorchCheckpointIO

from mwgan.paths import written_whole


class WholeCheckpoints(TorchCheckpointIO):
    """Lightning's own would write over ``last.ckpt`` in place: a run killed in that moment would have nothing to go on from."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with written_whole(Path(path)) as partial:
            super().save_checkpoint(checkpoint, partial, storage_options)
