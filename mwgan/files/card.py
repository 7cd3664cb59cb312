"""Model cards: what a network is, what it was trained on and how it is used, for people and, in the YAML on top, for hubs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from mwgan.files.record import TrainingRecord

FENCE = "---\n"
NOT_RECORDED = "not recorded"


def model_card(record: TrainingRecord, parameters: int, address: str, license_id: str | None = None) -> str:
    """A card in Markdown, of what the record of a training tells; nothing is said of what isn't recorded.

    Parameters
    ----------
    record
        What travels with the weights.
    parameters
        How many numbers the network has.
    address
        What ``--method`` takes for it.
    license_id
        A licence as hubs name it: ``mit``, ``cc-by-4.0`` …
    """
    low, high = record.wedge_deg
    sources = "; ".join(_source(source) for source in record.data or ())
    rows = {
        "network": f"`{record.generator['_target_']}`, {parameters / 1e6:.2f} million parameters, half precision",
        "task": f"`{record.task['_target_']}`",
        "trained on": ": ".join(part for part in (record.train_data, sources) if part) or NOT_RECORDED,
        "phantoms stood in for": ", ".join(record.stand_ins or ()),
        "missing wedge": f"{low:g}°" if low == high else f"{low:g}° to {high:g}°",
        "tilt steps": f"up to {record.geometry.step_deg:g}°",
        "slices": f"{record.geometry.detector_size} pixels",
        "noise": NOT_RECORDED if record.noise_percent is None else f"{record.noise_percent:g} % of the largest line integral, on average",
        "device": record.device or NOT_RECORDED,
        "seed, commit": f"{NOT_RECORDED if record.seed is None else record.seed}, `{record.commit or NOT_RECORDED}`",
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in rows.items() if value)
    command = f"\n```sh\n{record.command}\n```\n" if record.command else ""
    return f"""{front_matter(license_id)}# {address.rpartition("/")[2]}

Fills the missing wedge of electron tomograms, with mwgan (`pip install 'mwgan[hub]'`).

| | |
|---|---|
{table}
{command}
Give `{address}` wherever mwgan takes a network (`--method`, `checkpoints={{…}}`, `init=`, `load_reconstructor`), or have it as a file:

```sh
mwgan weights pull {address} -o mine.safetensors
```

How good it is stands in no record: `mwgan-evaluate 'checkpoints={{mine: "{address}"}}'` measures it on images of your kind.
"""


def front_matter(license_id: str | None = None) -> str:
    """The YAML on top of a card, by which a hub sorts and shows it."""
    facts: dict[str, Any] = {} if license_id is None else {"license": license_id}
    facts |= {"library_name": "mwgan", "pipeline_tag": "image-to-image"}
    facts |= {"tags": ["electron-tomography", "missing-wedge", "tomographic-reconstruction"]}
    return f"{FENCE}{yaml.safe_dump(facts, sort_keys=False)}{FENCE}"


def with_front_matter(card: str, license_id: str | None = None) -> str:
    """A card of somebody's own, as it is if it begins with YAML."""
    return card if card.startswith(FENCE) else f"{front_matter(license_id)}\n{card}"


def _source(source: Mapping[str, Any]) -> str:
    images, licence = source.get("images"), source.get("licence")
    counted = f"{images:,} images" if isinstance(images, int) else ""
    about = ", ".join(str(part) for part in (counted, licence) if part)
    return f"{source.get('name', '?')} ({about})" if about else str(source.get("name", "?"))
