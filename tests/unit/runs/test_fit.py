"""The training itself, with a trainer that only notes what it is asked."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from mwgan.runs.fit import fit
from mwgan.runs.preparation import Prepared


class Trainer:
    """A trainer of one process; its fit gives ``metrics``, its validation a PSNR."""

    def __init__(self, metrics: dict[str, float]) -> None:
        self.strategy, self.callbacks = SimpleNamespace(launcher=None), []
        self.gives, self.callback_metrics, self.asked = metrics, {}, []

    def fit(self, module: Any, data: Any, ckpt_path: Path | None) -> None:
        self.asked.append(("fit", module, data, ckpt_path))
        self.callback_metrics = {name: torch.tensor(value) for name, value in self.gives.items()}

    def validate(self, module: Any, data: Any, verbose: bool) -> None:
        self.asked.append(("validate", module, data, verbose))
        self.callback_metrics = {"val/psnr": torch.tensor(7.0)}


@pytest.mark.parametrize("checkpoint", [None, Path("run/checkpoints/last.ckpt")])
def test_it_is_trained_from_the_checkpoint_and_gives_plain_numbers(checkpoint):
    trainer = Trainer({"val/psnr": 20.5, "train/pixel_loss": 0.25})
    assert fit(Prepared("module", "data", trainer, checkpoint)) == {"val/psnr": 20.5, "train/pixel_loss": 0.25}
    assert trainer.asked == [("fit", "module", "data", checkpoint)]


def test_a_run_with_nothing_left_to_train_is_validated():
    trainer = Trainer({})
    assert fit(Prepared("module", "data", trainer, None)) == {"val/psnr": 7.0}
    assert [what for what, *_ in trainer.asked] == ["fit", "validate"]
