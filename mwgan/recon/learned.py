"""A trained network as a Reconstructor, and its weights file.

A weights file is safetensors: the generator's tensors in half precision, and a JSON record of the network and task they belong
to, the geometry and wedges of the training, its commit and its configuration. Nothing is unpickled: training checkpoints are
read with torch's ``weights_only``.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mwgan.errors import InputError
from mwgan.files.record import TrainingRecord
from mwgan.files.weights import find_weights, read_weights
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.parts import build_part, of_others
from mwgan.recon.guided import GuidedMeasurement
from mwgan.recon.task import Task

MOST_COUNTED = 10_000  # far above any real number of layers, channels, steps or pixels
STRETCH = 1.2  # times the largest trained tilt step: no warning up to here
LARGER = 4  # times the trained size
OFF_CENTRE_DEG = 5.0  # a wedge tilted by more differs from those of the training: 11 degrees cost the joint model decibels


class LearnedReconstructor:
    """A trained generator with the interface of every other method.

    Slices smaller than the trained size are padded to it; larger ones are refused, since the streaks of a wedge that a network
    has learned depend on the size. A network that contains the projections (``any_size``) takes slices as they are.

    Parameters
    ----------
    generator
        The trained network.
    task
        Its input and output.
    record
        Of its training: grid, wedges, noise, images and origin.
    name
        For messages: its shipped name or its file.
    """

    def __init__(self, generator: nn.Module, task: Task, record: TrainingRecord, name: str = "this network") -> None:
        # Channels innermost: convolutions are up to 1.6 times as fast on a CPU, and the answer is the same.
        generator = generator.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.generator, self.task, self.record, self.name = generator, task, record, name

    @property
    def detector_size(self) -> int:
        """Trained slice size in pixels."""
        return self.record.geometry.detector_size

    @property
    def any_size(self) -> bool:
        """Whether it takes slices larger than the trained size."""
        return bool(getattr(self.generator, "any_size", False))

    @property
    def neighbours(self) -> int:
        """How many slices on either side it uses, if they are given."""
        return int(getattr(self.generator, "neighbours", 0))

    @torch.no_grad()
    def __call__(self, measurement: Measurement, guess: Tensor | None = None) -> Tensor:
        """Tomograms (B, 1, N, N) of a measurement, in its dtype; computed in that of the weights.

        A slice whose data are all zero is empty, whatever the network outputs for zeros. A network that starts from TVM takes a
        TVM tomogram as ``guess`` (B, 1, N, N) instead of computing it; others ignore it.
        """
        return self.differentiable(measurement, guess)

    def differentiable(self, measurement: Measurement, guess: Tensor | None = None) -> Tensor:
        """As calling it, but with gradients."""
        tilts = measurement.measured_tilts
        if self.any_size and not bool((tilts == tilts[:1]).all()):
            return self._by_tilts(measurement, guess)
        fitted, margin = self._fit(measurement)
        given = fitted.sinogram
        generator = self.generator.to(given.device)
        own = next((weight.dtype for weight in generator.parameters()), given.dtype)
        if own != given.dtype:
            fitted = fitted.with_rows(lambda rows: rows.to(own))
        seen: Tensor | Measurement | GuidedMeasurement = self.task.see(fitted)
        if guess is not None and getattr(generator, "guess", None) is not None and isinstance(seen, Measurement):
            seen = GuidedMeasurement(seen, guess.to(own))
        tomogram = self.task.tomogram(generator(seen), fitted).to(given.dtype)
        before, size = margin, measurement.geometry.detector_size
        empty = ~measurement.sinogram.flatten(1).any(dim=1).reshape(-1, 1, 1, 1)
        return torch.where(empty, 0.0, tomogram[..., before : before + size, before : before + size])

    def _by_tilts(self, measurement: Measurement, guess: Tensor | None) -> Tensor:
        """Group slices by their tilts: rows measured in other slices only would enter convolutions of neighbouring rows."""
        size = measurement.geometry.detector_size
        tomograms = measurement.sinogram.new_empty(len(measurement.sinogram), 1, size, size)
        for samples, same in measurement.by_tilts():
            tomograms[samples] = self.differentiable(same, None if guess is None else guess[samples])
        return tomograms

    def outside_training(self, geometry: TiltGeometry) -> str | None:
        """One sentence if the missing wedge, the tilt step or the slice size is outside the training's range, else None."""
        (low, high), coarsest = self.record.wedge_deg, self.record.geometry.step_deg
        middle = (geometry.tilt_deg[0] + geometry.tilt_deg[-1]) / 2
        spacings = sorted(after - before for before, after in itertools.pairwise(sorted(set(geometry.tilt_deg))))
        step = spacings[len(spacings) // 2] if spacings else coarsest
        # On a grid a wedge extends up to a step further on either side, to the nearest measured tilts.
        if not low - step <= geometry.gap_deg <= high + 2 * step:
            trained = f"{low:g}" if low == high else f"{low:g} to {high:g}"
            return f"{geometry.gap_deg:g} degrees are missing and {self.name} was trained on {trained}"
        if abs(middle) > OFF_CENTRE_DEG:
            return f"the tilts lie about {middle:g} degrees and {self.name} was trained on tilts about 0"
        if self.any_size and step > STRETCH * coarsest:
            return f"the tilts lie {step:g} degrees apart and {self.name} was trained on steps of up to {coarsest:g}"
        if geometry.detector_size > LARGER * self.detector_size:
            size = geometry.detector_size
            return f"slices have {size} pixels and {self.name} was trained on up to {self.detector_size}: --bin brings them nearer"
        return None

    def _fit(self, measurement: Measurement) -> tuple[Measurement, int]:
        """The measurement padded to the trained size, and the pixels added on its left."""
        geometry = measurement.geometry
        if self.any_size:
            return measurement, 0
        missing = self.detector_size - geometry.detector_size
        if missing < 0:
            raise InputError(
                f"{self.name} was trained for slices of {self.detector_size} pixels, the data have "
                f"{geometry.detector_size}: bin or crop them to {self.detector_size} or fewer, or train at that size (data.size)"
            )
        left = missing // 2  # equal on both sides: an odd margin would shift the slice's centre by half a pixel
        if left == 0:
            return measurement, 0
        sinogram, measured = nn.functional.pad(measurement.sinogram, (left, left)), measurement.measured
        if measurement.by_pixel:  # the margin next to a measured border is empty; next to another one it is unknown
            ends = (measured[..., :1].expand(-1, -1, -1, left), measured[..., -1:].expand(-1, -1, -1, left))
            measured = torch.cat([ends[0], measured, ends[1]], dim=3)
        return Measurement(sinogram, measured, replace(geometry, detector_size=geometry.detector_size + 2 * left)), left


def load_network(name_or_path: str | Path, device: torch.device | str = "cpu", allow: Collection[str] | str = ()) -> LearnedReconstructor:
    """The network of a name shipped with mwgan (``irdm``), a weights file, a training checkpoint, or ``hf://ORG/NAME``.

    Parameters
    ----------
    name_or_path
        A shipped name, exported weights, a checkpoint or a run folder; ``hf://ORG/NAME`` of weights on a hub (:mod:`mwgan.files.hub`).
    device
        Where the network is put.
    allow
        Packages whose classes the file may name besides mwgan's own and those of installed parts: see :mod:`mwgan.parts`.

    Raises
    ------
    InputError
        If there is no such name or file, the file is damaged or not ours, it names a class that is not allowed, the class
        does not take what the file holds, or the network is one for whole volumes.
    """
    generator, task, record = load_parts(name_or_path, device, allow)
    if getattr(task, "whole_volumes", False):
        raise InputError(f"{name_or_path} is a network for volumes of atoms, which takes no slices: mwgan atoms --method {name_or_path}")
    return LearnedReconstructor(generator, task, record, str(name_or_path))


def load_parts(
    name_or_path: str | Path, device: torch.device | str = "cpu", allow: Collection[str] | str = ()
) -> tuple[nn.Module, Any, TrainingRecord]:
    """The network, its task and the record of its training that weights hold; as for :func:`load_network`."""
    path = find_weights(name_or_path)
    record, state = read_weights(path)
    _check_size(path, record, state)
    try:
        generator, task = build_part(record.generator, allow), build_part(record.task, allow)
        _check_parts(generator, task)
        generator.load_state_dict(state)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except (KeyError, TypeError, AttributeError, ValueError, RuntimeError, ImportError) as error:
        message = f"{path} does not fit {_home(record)} ({type(error).__name__}{_cause(record, error)}): train or download it again"
        raise InputError(message) from error
    return generator.to(device), task, record


def _check_size(path: Path, record: TrainingRecord, state: Mapping[str, Tensor]) -> None:
    """Refuse a record of a network far larger than its weights: building it might never end."""
    values = sum(value.numel() for value in state.values())
    for name, count in (("detector_size", record.geometry.detector_size), *_counts(_parts(record))):
        if not -1 <= count <= MOST_COUNTED:
            raise InputError(f"{path} has {name}={count} in its record but only {values} weights: it was changed, download it again")


def _counts(value: object) -> Iterator[tuple[str, int]]:
    """The integers in a record, with their names."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if isinstance(inner, int) and not isinstance(inner, bool):
                yield str(name), inner
            yield from _counts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _counts(inner)


def _check_parts(generator: object, task: object) -> None:
    if not isinstance(generator, nn.Module):
        raise TypeError(f"the generator is a {type(generator).__name__} and no torch.nn.Module")
    missing = [name for name in ("see", "tomogram") if not callable(getattr(task, name, None))]
    if missing:
        raise TypeError(f"the task, a {type(task).__name__}, has no {' and no '.join(missing)}")


def _home(record: TrainingRecord) -> str:
    """The packages whose classes a record names, for a message."""
    others = dict.fromkeys(name.partition(".")[0] for name in of_others(_parts(record)))
    return f"the {' and '.join(others)} that is installed here" if others else "this version of mwgan"


def _cause(record: TrainingRecord, error: Exception) -> str:
    """The error of a class of another package, for its author; an error inside mwgan would not help a user."""
    return f": {(str(error).splitlines() or [''])[0]}" if of_others(_parts(record)) else ""


def _parts(record: TrainingRecord) -> list[object]:
    return [record.generator, record.task]
