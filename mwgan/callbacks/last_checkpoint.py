"""``last.ckpt`` after every epoch."""

from __future__ import annotations

import pytorch_lightning as pl


class LastCheckpoint(pl.callbacks.ModelCheckpoint):
    """The checkpoint that a stopped run goes on from. Lightning's ``save_last`` (2.6) keeps it only where the best one was saved too.

    It stands after the other checkpoints in the list of callbacks, so that it holds what they know.
    """

    def __init__(self, dirpath: str) -> None:
        super().__init__(dirpath=dirpath, filename="last", enable_version_counter=False)
