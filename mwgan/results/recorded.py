"""A results table on disk with its kept tomograms, prepared for figures: the latest rows of a choice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from mwgan.errors import InputError
from mwgan.files.json_files import read_object
from mwgan.results.columns import metrics_of
from mwgan.results.reading import read_rows
from mwgan.results.selection import choose, first_images, of_one_noise, of_one_sinogram, of_one_source, of_one_training, of_one_wedge
from mwgan.results.table import latest, table_path

IMAGES = 3  # default number of images in a figure of several


@dataclass(frozen=True)
class Choice:
    """Which rows of a table are plotted.

    Parameters
    ----------
    test_source
        The source to plot; None takes the only one for figures of images, and the mean over all for other figures.
    methods
        Methods to plot, in this order; the table must have each. None plots all.
    also
        Further methods to plot, where the table has them.
    noise_percent
        The noise level, where the table has several.
    train_seed
        Which training of a network; None takes the lowest seed for figures of images, and all for other figures.
    sinogram
        ``missing`` or ``complete``, for figures against and over wedges.
    wedges_deg
        The wedges to plot; None plots all.
    image
        Number of the kept image in a figure of one image.
    images
        Numbers of the kept images in a figure of several; None shows the first three.
    """

    test_source: str | None = None
    methods: Sequence[str] | None = None
    also: Sequence[str] = ()
    noise_percent: float | None = None
    train_seed: int | None = None
    sinogram: str = "missing"
    wedges_deg: Sequence[float] | None = None
    image: int = 0
    images: Sequence[int] | None = None


class Recorded:
    """A table and its tomograms, read when a figure needs them.

    Parameters
    ----------
    table
        Path, with or without a suffix.
    choice
        Which of its rows.
    """

    def __init__(self, table: str | Path, choice: Choice | None = None) -> None:
        self.table, self.choice = table_path(table), choice or Choice()

    @cached_property
    def everything(self) -> pd.DataFrame:
        """Rows of both kinds of sinogram and all noise levels."""
        return self._read(".parquet")

    @cached_property
    def results(self) -> pd.DataFrame:
        """Rows of both kinds of sinogram, one noise level."""
        return of_one_noise(self.everything)

    @cached_property
    def shown(self) -> pd.DataFrame:
        """Rows for figures of images: one source, one training of each network."""
        return of_one_training(of_one_source(self.results))

    @cached_property
    def tomograms(self) -> pd.DataFrame:
        """Kept tomograms of both kinds of sinogram, and the truth: the first images of one source, one training of each network."""
        return of_one_training(of_one_source(of_one_noise(self._read(".tomograms.parquet"))))

    @property
    def metrics(self) -> list[str]:
        """The metrics in the table."""
        return metrics_of(self.everything)

    @property
    def sinogram(self) -> str:
        """The chosen kind of sinogram, checked to be in the table."""
        of_one_sinogram(self.everything, self.choice.sinogram)
        return self.choice.sinogram

    @property
    def image(self) -> int:
        """The image for a figure of one image."""
        return self._kept([self.choice.image])[0]

    @property
    def images(self) -> list[int]:
        """The images for a figure of several."""
        first = sorted(self.tomograms["image"].unique())[:IMAGES]
        return self._kept(first if self.choice.images is None else self.choice.images)

    @property
    def wedge_deg(self) -> float:
        """The wedge of a figure of one wedge."""
        return float(of_one_wedge(self.shown)["wedge_deg"].iloc[0])

    @property
    def step_deg(self) -> float:
        """The tilt step of the table."""
        record = self.table.with_name(self.table.name + ".conditions.json")
        try:
            return float(read_object(record)["step_deg"])
        except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
            raise InputError(f"{record} has no tilt step (step_deg): mwgan-evaluate writes it with a table") from error

    def _kept(self, images: Iterable[int]) -> list[int]:
        kept = {int(image) for image in self.tomograms["image"]}
        for image in images:
            if image not in kept:
                raise InputError(f"no tomograms of image {image} were kept, only {sorted(kept)}: choose from these (image=…, images=…)")
        return [int(image) for image in images]

    def _read(self, suffix: str) -> pd.DataFrame:
        path = self.table.with_name(self.table.name + suffix)
        try:
            rows = first_images(read_rows(path))
        except (OSError, ValueError) as error:
            raise InputError(f"{path} is missing or not a results table: give one by table=…, mwgan-evaluate makes it") from error
        choice = self.choice
        there = sorted(rows["wedge_deg"].unique())
        asked = there if choice.wedges_deg is None else [float(wedge) for wedge in choice.wedges_deg]
        chosen = rows[rows["wedge_deg"].isin(asked)]
        if chosen.empty:
            raise InputError(f"{path} has no rows for wedges of {_listed(asked)} degrees: it has {_listed(there)} (wedges_deg=…)")
        return latest(choose(chosen, choice.test_source, self._methods(chosen), choice.train_seed, choice.noise_percent))

    def _methods(self, rows: pd.DataFrame) -> list[str] | None:
        """The required methods, and those of ``also`` that are present; None for all."""
        if self.choice.methods is None:
            return None
        there, asked = set(rows["method"]), self.choice.methods
        return [*asked, *(method for method in self.choice.also if method in there and method not in asked)]


def _listed(numbers: Iterable[float]) -> str:
    return ", ".join(f"{number:g}" for number in numbers)
