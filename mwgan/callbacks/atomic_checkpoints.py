"""Checkpoints that are written atomically."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from mwgan.files.checkpoints import write_checkpoint


class AtomicCheckpoints(TorchCheckpointIO):
    """Writes checkpoints atomically. Lightning copies a temporary file over ``last.ckpt``: a run killed meanwhile couldn't resume."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None) -> None:
        write_checkpoint(Path(path), lambda stream: torch.save(checkpoint, stream))
