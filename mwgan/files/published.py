"""Weights as they are published, and as they come back: a folder of one safetensors file and its model card."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from mwgan.errors import InputError
from mwgan.files.atomic import atomic_folder, atomic_write, check_new_folder
from mwgan.files.card import model_card, with_front_matter
from mwgan.files.hub import HUB_WEIGHTS, check_repository, is_on_hub, upload
from mwgan.files.weights import find_weights, read_weights, save_weights
from mwgan.paths import shipped_weights

CARD = "README.md"  # as hubs call it


def publish(run: str, target: str, card: Path | None = None, license_id: str | None = None, private: bool = False) -> str:
    """Export a generator with its card to ``hf://ORG/NAME``, or to a new folder that holds the same; where it is then.

    Parameters
    ----------
    run
        A run folder, checkpoint, weights file or shipped name.
    target
        ``hf://ORG/NAME`` or a folder.
    card
        A card of one's own in Markdown; without it that of a shipped network, or one made of the training's record.
    license_id
        A licence as hubs name it, for a card that has no YAML on top.
    private
        Whether a repository that is made is shown to its owner alone.

    Raises
    ------
    InputError
        If there are no such weights, the card can't be read, the folder holds something, or the hub doesn't take it.
    MissingExtraError
        If huggingface_hub isn't installed and the target is on a hub.
    """
    if is_on_hub(target):
        check_repository(target)
    else:
        check_new_folder(Path(target))
    record, state = read_weights(find_weights(run))
    record = record.without_folders()
    written = _card(run, card)
    if written is None:
        text = model_card(record, sum(value.numel() for value in state.values()), target, license_id)
    else:
        text = with_front_matter(written, license_id)

    def fill(folder: Path) -> None:
        save_weights(folder / HUB_WEIGHTS, state, record)
        (folder / CARD).write_text(text, encoding="utf-8")

    if not is_on_hub(target):
        with atomic_folder(Path(target)) as folder:
            fill(folder)
        return target
    with tempfile.TemporaryDirectory() as scratch:
        fill(Path(scratch))
        return upload(Path(scratch), target, private)


def pull(name: str, output: Path) -> None:
    """Have the weights behind ``hf://…``, or any others, as one safetensors file: read and checked before it is written.

    Raises
    ------
    InputError
        If there are no such weights, they aren't mwgan's or are damaged, or ``output`` can't be written.
    """
    file = find_weights(name)
    record, state = read_weights(file)
    if file.suffix != ".safetensors":  # shards, or a checkpoint
        save_weights(output, state, record)
        return
    with atomic_write(output) as partial:
        shutil.copyfile(file, partial)


def _card(run: str, card: Path | None) -> str | None:
    """What is written of these weights: by the user, or of those that are shipped."""
    if card is None:
        shipped = shipped_weights().get(run)
        return None if shipped is None else shipped.with_suffix(".md").read_text(encoding="utf-8")
    try:
        return card.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the card {card} can't be read as text: give a file in Markdown") from error
