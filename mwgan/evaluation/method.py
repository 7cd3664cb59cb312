"""A method under test: its constructor, its tuned parameters, and the origin of its weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from mwgan.files.atomic import sha256
from mwgan.files.weights import find_weights
from mwgan.geometry import Measurement
from mwgan.recon import DataConsistent, Reconstructor
from mwgan.recon.learned import LearnedReconstructor
from mwgan.results.columns import CORRECTED, DATA_CONSISTENCY, RECONSTRUCTOR, STAND_INS, TRAIN_SEED
from mwgan.results.reading import training_of


@dataclass(frozen=True)
class Method:
    """A reconstruction method under test.

    Parameters
    ----------
    name
        Name in the table.
    make
        Builds it from the parameters of ``grid``; a trained network takes none.
    grid
        Values to try for each tuned parameter; empty where there is nothing to tune.
    checkpoint, train_data
        Origin of its weights and what they were trained on; empty for classical methods.
    train_seed
        The seed of its training.
    trained_on
        The record of each source of its training.
    base
        The method that this one comes after: tuned before it, and its parameters passed to ``make`` too.
    stand_ins
        Sources of its training that were replaced by fallback data (phantom faces), as ``brain, ct``.
    weights
        Name of its weights in messages: a shipped name, a file or a run folder.
    corrects
        Name of the method whose tomograms this one corrects by data consistency; empty for all others.
    """

    name: str
    make: Callable[..., Reconstructor]
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    checkpoint: str = ""
    train_data: str = ""
    train_seed: int | None = None
    trained_on: Sequence[Mapping[str, Any]] = ()
    base: Method | None = None
    stand_ins: str = ""
    weights: str = ""
    corrects: str = ""

    @property
    def about(self) -> dict[str, object]:
        """Its columns in the table besides the identity columns."""
        return {
            RECONSTRUCTOR: self.corrects or self.name,
            DATA_CONSISTENCY: bool(self.corrects),
            STAND_INS: self.stand_ins,
            TRAIN_SEED: self.train_seed,
        }


def learned(name: str, network: LearnedReconstructor) -> Method:
    """A trained network; the digest of its weights distinguishes it from one trained again in the same folder."""
    digest = sha256(find_weights(network.name))[:8]
    data, stand_ins = training_of(network.record)
    return Method(
        name,
        lambda: network,
        {},
        f"{network.name}#{digest}",
        data,
        network.record.seed,
        network.record.data or (),
        stand_ins=stand_ins,
        weights=network.name,
    )


def data_consistent(method: Method, weights: Sequence[float]) -> Method:
    """The same method with its tomograms corrected by their data residual; ``weights`` are tried."""
    bases: dict[str, _Cached] = {}

    def make(consistency_weight: float, **chosen: Any) -> DataConsistent:
        base = bases.setdefault(repr(chosen), _Cached(method.make(**chosen)))
        return DataConsistent(base, consistency_weight)

    grid = {"consistency_weight": weights}
    return replace(method, name=f"{method.name}{CORRECTED}", make=make, grid=grid, base=method, corrects=method.name)


class _Cached:
    """A reconstructor that caches the tomogram of the last measurement: many weights are tried on one measurement."""

    def __init__(self, reconstructor: Reconstructor) -> None:
        self.reconstructor = reconstructor
        self.latest: tuple[Measurement, Tensor] | None = None

    def __call__(self, measurement: Measurement) -> Tensor:
        if self.latest is None or self.latest[0] is not measurement:
            self.latest = (measurement, self.reconstructor(measurement))
        return self.latest[1]
