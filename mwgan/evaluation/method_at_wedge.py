"""One method at one wedge: tuning it, building it, and evaluating its tomograms batch by batch."""

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
from mwgan.evaluation.method import Method
from mwgan.evaluation.perceptual import PerceptualIndex
from mwgan.evaluation.scores import Metric, score_series, score_tomograms
from mwgan.evaluation.tuning import describe, tune
from mwgan.geometry import Measurement
from mwgan.metrics import image_metrics
from mwgan.recon import Reconstructor
from mwgan.recon.inner_method import auto_in
from mwgan.results.columns import PERCEPTUAL_NOTE, SUBJECT
from mwgan.trust import Disagreement, Uncertainty


@dataclass(frozen=True)
class Validation:
    """Validation images at one wedge; their measurement is simulated when the first method needs it."""

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
        """The best parameters of a method, and of the one it comes after, on these images."""
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
        """The means over the images of the metrics that settings are compared by."""
        case = self.measured
        found = score_series(tomogram, case) if case.truth is None else image_metrics(tomogram, case.truth)
        return {name: float(found[name].mean()) for name in ("kept_out", "psnr", "ssim") if name in found}


@dataclass(frozen=True)
class ExtraMetrics:
    """Metrics of tomograms besides the usual ones.

    Parameters
    ----------
    index, note
        The perceptual index, or None and the reason.
    confidence
        How the uncertainty of networks is evaluated; None: it isn't.
    metrics
        Further metrics, by the name of their column.
    """

    index: PerceptualIndex | None = None
    note: str = ""
    confidence: Confidence | None = None
    metrics: Mapping[str, Metric] = field(default_factory=dict)


class Row(NamedTuple):
    """A row of the table, and the pictures that may be kept with it."""

    image: int
    described: dict[str, object]
    """Its identity columns."""
    found: dict[str, object]
    """Its metrics and other columns."""
    tomogram: Tensor
    """(1, N, N)"""
    truth: Tensor | None
    """(1, N, N)"""


class MethodAtWedge:
    """A method at one wedge and kind of sinogram; it is tuned and built at the first batch.

    Parameters
    ----------
    method
        The method.
    lacking
        Identity of each missing row, by the number of its image.
    validation, record
        The images it is tuned on, and the record of the trials.
    extra
        The additional metrics.
    say
        Called with the tuned parameters before the method runs.
    """

    def __init__(
        self,
        method: Method,
        lacking: Mapping[int, dict[str, object]],
        validation: Validation,
        record: Path,
        extra: ExtraMetrics,
        say: Callable[[str], None],
    ) -> None:
        self.method, self.lacking, self.validation, self.record, self.extra, self.say = method, lacking, validation, record, extra, say
        self._warm = False

    def rows(self, test: ImageSource | SeriesSlices, batch: Sequence[int], case: Case) -> Iterator[Row]:
        """A row for each image of ``batch`` without one, from the images of ``test`` and their measurement."""
        own = [place for place, number in enumerate(batch) if number in self.lacking]
        if not own:
            return
        numbers = [batch[place] for place in own]
        if len(own) < len(batch):
            case = case.samples(own)
        reconstruct, uncertainty = self._reconstruct, self._uncertainty
        if not self._warm:  # one image builds matrices and warms caches, to exclude that from the timing
            reconstruct(case.given.samples(torch.tensor([0])))
            self._warm = True
        tomogram, seconds = _timed(reconstruct, case.given)
        values = score_tomograms(tomogram, case, test, numbers, self.extra.metrics)
        if self.extra.confidence is not None and uncertainty is not None and case.truth is not None:
            values |= self.extra.confidence.evaluate(uncertainty, case.truth, case.given)
        values["perceptual_index"] = self.extra.index(tomogram).tolist() if self.extra.index else [None] * len(numbers)
        for place, number in enumerate(numbers):
            described = {**self.lacking[number], **self.method.about}
            others = {SUBJECT: test.origin(number), PERCEPTUAL_NOTE: self.extra.note, "seconds": seconds / len(numbers)}
            measured = {name: of_images[place] for name, of_images in values.items()}
            truth = None if case.truth is None else case.truth[place]
            yield Row(number, described, {**others, **measured}, tomogram[place], truth)

    @cached_property
    def _reconstruct(self) -> Reconstructor:
        chosen = self.validation.tuned(self.method, self.record)
        self.say(describe(chosen))
        return self.method.make(**chosen)

    @cached_property
    def _uncertainty(self) -> Uncertainty | Disagreement | None:
        """A network's or a mixture's uncertainty, calibrated on the validation images; None where it isn't requested."""
        known = self.validation.measured if self.extra.confidence else None
        if self.extra.confidence is None or known is None or known.truth is None:
            return None
        if not (self.method.checkpoint or auto_in(self._reconstruct)):
            return None
        return self.extra.confidence.calibrated(self._reconstruct, known.truth, known.given)


def _timed(reconstruct: Reconstructor, measurement: Measurement) -> tuple[Tensor, float]:
    cuda = measurement.sinogram.is_cuda
    if cuda:
        torch.cuda.synchronize()
    start = time.perf_counter()
    tomogram = reconstruct(measurement)
    if cuda:
        torch.cuda.synchronize()
    return tomogram, time.perf_counter() - start
