"""``mwgan data check``: what each source of a data set gives, before a training finds out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mwgan.errors import InputError
from mwgan.files.outputs import check_outputs
from mwgan.files.whole import written_whole
from mwgan.paths import conf_dir

PARTS = ("train", "validation", "test")
SHOWN = 10  # images of a source on the contact sheet


def check(config: str, overrides: Sequence[str], sheet: Path | None) -> tuple[list[dict[str, Any]], list[str], Path | None]:
    """Draw from every source of a data option.

    Returns
    -------
    rows, problems, sheet
        One row a source and part (``part``, ``source``, ``images``, ``distinct``, ``subjects``, ``who``, ``skipped``, ``licence``,
        ``strange``); what can't be used, in sentences; and the picture that was written, if there was anything to show.
    """
    from mwgan.data.source import described
    from mwgan.data.subjects import some
    from mwgan.figures.contact_sheet import contact_sheet

    rows, problems, pictures = [], [], {}
    data, root = _composed(config, overrides)
    if sheet is not None:
        check_outputs([sheet])
        _check_apart(sheet, data)
    for part, name, node in _sources(data):
        try:
            source = _built(node)
        except InputError as error:
            if str(error) not in problems:  # the same folder is missing for every part
                problems.append(str(error))
            continue
        told = described(source)[0]
        row = {"part": part, "source": told.get("name", name), **{key: told.get(key) for key in _COLUMNS}}
        rows.append({**row, "who": some(getattr(source, "subjects", ())), "strange": _strange(source)})
        pictures[f"{part}: {source.name}" + (f" ({name})" if f"{part}: {source.name}" in pictures else "")] = _first(source)
    if not pictures:
        return rows, problems, None
    sheet = sheet or Path(root) / "data_check" / f"{config}.png"
    sheet.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(sheet) as partial:
        contact_sheet(pictures).savefig(partial, format="png")
    return rows, problems, sheet


_COLUMNS = ("images", "distinct", "subjects", "skipped", "licence", "substituted")


def _composed(config: str, overrides: Sequence[str]) -> tuple[Any, str]:
    """The data node of the option, and the folder for outputs."""
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from mwgan.configuration import look_in_parts, plain
    from mwgan.runs.exit import explained

    look_in_parts()
    try:
        with initialize_config_dir(str(conf_dir()), version_base="1.3"):
            cfg = compose("train", overrides=[f"data={config}", *overrides, "paths.output_dir=unused"])
        return plain(cfg.data), str(cfg.paths.root)
    except (HydraException, OmegaConfBaseException) as error:
        raise InputError(explained(error)) from error


def _sources(data: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Part, name and node of every single source."""
    for part in PARTS:
        node = data[part]
        for name, single in node.get("sources", {part: node}).items():
            yield part, name, single


def _check_apart(sheet: Path, data: dict[str, Any]) -> None:
    """Refuse a sheet that would become an image of a source, or be written over one."""
    for _, _, node in _sources(data):
        folder = node.get("folder")
        if folder and sheet.resolve().is_relative_to(Path(folder).resolve()):
            raise InputError(f"{sheet} would lie among the images of {folder}: give the contact sheet another folder")


def _built(node: dict[str, Any]) -> Any:
    from mwgan.configuration import build

    return build(node)


def _strange(source: Any) -> str:
    """How many files of a CT source are of another modality: topograms and other scans lie in many CT collections."""
    found = source.modalities() if source.name == "ct" else {}
    others = {modality: count for modality, count in found.items() if modality != "CT"}
    return f"{sum(others.values())} DICOM files are no CT but {', '.join(sorted(others))}" if others else ""


def _first(source: Any) -> Any:
    """Images (K, size, size) from all over the source, as the first epoch of a training would draw them."""
    import numpy as np

    from mwgan.data.datamodules import SourceDataset

    samples = SourceDataset(source, seed=0)
    indices = sorted({int(index) for index in np.linspace(0, len(source) - 1, SHOWN)})
    return np.stack([samples.sample(0, index).image[0].numpy() for index in indices])
