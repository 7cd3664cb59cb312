"""Initial weights of a training (``init=``): those of another one, for the whole generator or for parts of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from mwgan.errors import InputError
from mwgan.files.record import Plain, TrainingRecord
from mwgan.files.weights import find_weights, read_weights
from mwgan.parts import imported

GENERATOR = "generator"
WHOLE_GENERATOR = ("generator", "task")  # must agree with the training that the generator's weights come from
PART = ("generator", "geometry")  # a part has no task of its own, so its geometry must agree
OLDER = "inpainters"  # in records of earlier versions: the initial weights of the part "generator.inpainter"


@dataclass(frozen=True)
class InitialWeights:
    """Weights for one part of a model, read from the source that ``init`` gives."""

    part: str
    """Dotted name inside the training module: ``generator``, ``generator.inpainter``."""
    source: str
    record: TrainingRecord
    state: dict[str, Tensor]


def as_tree(init: Any) -> Any:
    """``init`` as nested mappings instead of dotted names, so that configuration can refer to its parts.

    Raises
    ------
    InputError
        If it names a part and a part of that part.
    """
    if not isinstance(init, Mapping):
        return init
    tree: dict[str, Any] = {}
    for name, source in parts_of(init).items():
        *above, last = name.split(".")
        branch: Any = tree
        for step in above:
            branch = branch.setdefault(step, {}) if isinstance(branch, dict) else None
        if not isinstance(branch, dict) or last in branch:
            raise InputError(f"init= names {name} and the part that contains it: give the weights of one of them")
        branch[last] = source
    return tree


def parts_of(init: Any) -> dict[str, str]:
    """The source of the weights of each part; a plain name or path is for the whole generator."""
    if init is None:
        return {}
    if not isinstance(init, Mapping):
        return {GENERATOR: str(init)}
    parts: dict[str, str] = {}
    for name, inner in init.items():
        below = parts_of(inner) if isinstance(inner, Mapping) else {} if inner is None else {"": str(inner)}
        parts |= {f"{name}.{part}".rstrip("."): source for part, source in below.items()}
    return parts


def read_initial_weights(init: Any, ours: TrainingRecord) -> list[InitialWeights]:
    """Read what ``init`` names.

    Raises
    ------
    InputError
        If it is missing, or belongs to another network than the one recorded in ``ours``.
    """
    found = [InitialWeights(part, source, *read_weights(find_weights(source))) for part, source in parts_of(init).items()]
    for one in found:
        if one.part == GENERATOR:
            check_same(one.source, one.record, ours, WHOLE_GENERATOR)
        elif (node := _node(ours, one.part)) is not None:
            check_same(one.source, one.record, {**ours, "generator": node}, PART)
    return found


def load_initial_weights(module: nn.Module, weights: list[InitialWeights]) -> None:
    """Load weights into the parts of a model that is about to be trained.

    Raises
    ------
    InputError
        If it has no such part, or one of another shape.
    """
    for one in weights:
        names = [name for name, _ in module.named_modules() if name]
        if one.part not in names:
            shown = ", ".join(name for name in names if name.count(".") < 2)
            raise InputError(f"init= has weights for {one.part}, but this model has no such part: it has {shown}")
        try:
            module.get_submodule(one.part).load_state_dict(one.state)
        except RuntimeError as error:
            raise InputError(f"the weights in {one.source} don't fit {one.part}, which is another network: {_first_line(error)}") from error


def origins_of(weights: list[InitialWeights]) -> Plain | None:
    """The origins of initial weights, for a run's record."""
    entries = {one.part: _origin(one.record) for one in weights}
    return entries.get(GENERATOR, entries or None)


def recorded_origins(record: TrainingRecord) -> Plain | None:
    """The origins of the initial weights in the record of a run that is resumed."""
    older = record.others.get(OLDER)
    return record.init if record.init is not None or older is None else {"generator.inpainter": older}


def check_same(source: str, theirs: TrainingRecord, ours: Mapping[str, Any], keys: tuple[str, ...]) -> None:
    """Raise an :class:`InputError` unless two trainings agree in ``keys`` of their records."""
    for key in keys:
        if theirs[key] != ours[key] and not (key == GENERATOR and _accepts_weights_of(theirs[key], ours[key])):
            raise InputError(
                f"{source} was trained with {key} {theirs[key]} and this run has {ours[key]}: give its experiment= and options"
            )


def _accepts_weights_of(theirs: Any, ours: Any) -> bool:
    """Whether a generator's class accepts the weights of another configuration of it, with fewer inputs for example."""
    if not (isinstance(theirs, Mapping) and isinstance(ours, Mapping)) or theirs.get("_target_") != ours.get("_target_"):
        return False
    try:
        made = imported(str(ours["_target_"]))
    except InputError:  # building it reports this
        return False
    continues_from = getattr(made, "continues_from", None)
    return bool(continues_from is not None and continues_from(theirs, ours))


def _origin(record: TrainingRecord) -> Plain:
    return {"command": record.command, "commit": record.commit, "init": recorded_origins(record)}


def _node(record: TrainingRecord, part: str) -> Any:
    """The configuration of a part of the generator; None for a part that its class creates internally."""
    node: Any = {GENERATOR: record.generator}
    for step in part.split("."):
        node = node.get(step) if isinstance(node, Mapping) else None
    return node if isinstance(node, Mapping) and "_target_" in node else None


def _first_line(error: RuntimeError) -> str:
    return " ".join(str(error).split())[:200]
