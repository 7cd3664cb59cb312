"""One method at one wedge: tuned, built, and its tomograms judged batch by batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mwgan.data.series_slices import SeriesSlices
from mwgan.data.source import ImageSource
from mwgan.evaluation.conditions import Case, Conditions
from mwgan.evaluation.confidence import Confidence
from mwgan.evaluation.judgement import Metric, judged, without_truth
from mwgan.evaluation.method import Method
from mwgan.evaluation.perceptual import PerceptualIndex
from mwgan.evaluation.tuning import describe, tune
from mwgan.geometry import Measurement
from mwgan.metrics import image_metrics
from mwgan.recon import Reconstructor
from mwgan.recon.settle import chooses
from mwgan.results.columns import PERCEPTUAL_NOTE, SUBJECT
from mwgan.trust import Disagreement, Uncertainty


@dataclass(frozen=True)
class Validation:
    """Validation images at one wedge, measured when the first method asks for them."""

    source: ImageSource | SeriesSlices
    conditions: Conditions
    missing_deg: float
    images: int
    device: str

    @cached_property
    def measured(self) -> Case:
        """The images and their measurement."""
        return self.conditions.measure(self.source, range(self.images), self.missing_deg, self.device)

    def tuned(self, method: Method, record: Path) -> dict[str, Any]:
        """The parameters of a method, and of the one it continues from, that suit the images best."""
        given = self.tuned(method.base, record) if method.base else {}
        if not method.grid:
            return given
        setting = {
            "checkpoint": method.checkpoint,
            "source": self.source.name,
            "wedge_deg": self.missing_deg,
            "noise_percent": self.conditions.noise.percent,
            "seed": self.conditions.seed,
        }
        return given | tune(method.name, partial(method.make, **given), method.grid, self.measured.given, self._means, setting, record)

    def _means(self, tomogram: Tensor) -> dict[str, float]:
        """What decides between settings, by the mean over the images."""
        case = self.measured
        found = without_truth(tomogram, case) if case.truth is None else image_metrics(tomogram, case.truth)
        return {name: float(found[name].mean()) for name in ("kept_out", "psnr", "ssim") if name in found}


@dataclass(frozen=True)
class Judge:
    """What is asked of tomograms besides their quality.

    Parameters
    ----------
    index, note
        The perceptual index, or None and why there is none.
    confidence
        How networks are asked for their uncertainty; None asks none.
    metrics
        What else is measured, by the name of its column.
    """

    index: PerceptualIndex | None = None
    note: str = ""
    confidence: Confidence | None = None
    metrics: Mapping[str, Metric] = field(default_factory=dict)


class Row(NamedTuple):
    """What becomes a row of the table, and the pictures that may be kept of it."""

    image: int
    described: dict[str, object]
    """What the row is of."""
    found: dict[str, object]
    """What was measured, and what else is known."""
    tomogram: Tensor
    """(1, N, N)"""
    truth: Tensor | None
    """(1, N, N)"""


class Turn:
    """A method at one wedge and kind of sinogram; it is tuned and built when the first batch comes.

    Parameters
    ----------
    method
        The method.
    lacking
        What identifies each row that the table lacks, by the number of its image.
    validation, record
        What it is tuned on, and the record of it.
    judge
        What its tomograms are asked.
    say
        Is told what the method was tuned to before it begins.
    """

    def __init__(
        self,
        method: Method,
        lacking: Mapping[int, dict[str, object]],
        validation: Validation,
        record: Path,
        judge: Judge,
        say: Callable[[str], None],
    ) -> None:
        self.method, self.lacking, self.validation, self.record, self.judge, self.say = method, lacking, validation, record, judge, say
        self._warm = False

    def rows(self, test: ImageSource | SeriesSlices, batch: Sequence[int], case: Case) -> Iterator[Row]:
        """A row for each image of ``batch`` that lacks one, of images of ``test`` and their measurement."""
        own = [place for place, number in enumerate(batch) if number in self.lacking]
        if not own:
            return
        numbers = [batch[place] for place in own]
        if len(own) < len(batch):
            case = case.samples(own)
        reconstruct, uncertainty = self._reconstruct, self._uncertainty
        if not self._warm:  # one image builds matrices and warms caches, which the timing should not see
            reconstruct(case.given.samples(torch.tensor([0])))
            self._warm = True
        tomogram, seconds = _timed(reconstruct, case.given)
        values = judged(tomogram, case, test, numbers, self.judge.metrics)
        if self.judge.confidence is not None and uncertainty is not None and case.truth is not None:
            values |= self.judge.confidence.judged(uncertainty, case.truth, case.given)
        values["perceptual_index"] = self.judge.index(tomogram).tolist() if self.judge.index else [None] * len(numbers)
        for place, number in enumerate(numbers):
            described = {**self.lacking[number], **self.method.about}
            told = {SUBJECT: test.origin(number), PERCEPTUAL_NOTE: self.judge.note, "seconds": seconds / len(numbers)}
            measured = {name: of_images[place] for name, of_images in values.items()}
            truth = None if case.truth is None else case.truth[place]
            yield Row(number, described, {**told, **measured}, tomogram[place], truth)

    @cached_property
    def _reconstruct(self) -> Reconstructor:
        chosen = self.validation.tuned(self.method, self.record)
        self.say(describe(chosen))
        return self.method.make(**chosen)

    @cached_property
    def _uncertainty(self) -> Uncertainty | Disagreement | None:
        """A network's or a mixture's uncertainty, calibrated on the validation images; None where it is not asked for."""
        known = self.validation.measured if self.judge.confidence else None
        if self.judge.confidence is None or known is None or known.truth is None:
            return None
        if not (self.method.checkpoint or chooses(self._reconstruct)):
            return None
        return self.judge.confidence.calibrated(self._reconstruct, known.truth, known.given)


def _timed(reconstruct: Reconstructor, measurement: Measurement) -> tuple[Tensor, float]:
    cuda = measurement.sinogram.is_cuda
    if cuda:
        torch.cuda.synchronize()
    start = time.perf_counter()
    tomogram = reconstruct(measurement)
    if cuda:
        torch.cuda.synchronize()
    return tomogram, time.perf_counter() - start
