"""What a training begins with (``init=``): the weights of another one, for its whole generator or for parts of it."""

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
WHOLE = ("generator", "task")  # what a generator must share with the one it begins as
PART = ("generator", "geometry")  # a part of one has no task of its own: where it learned stands for that
OLDER = "inpainters"  # in records of earlier versions: what the part "generator.inpainter" began with


@dataclass(frozen=True)
class FirstWeights:
    """Weights for one part of a model, read from where ``init`` says."""

    part: str
    """Its dotted name inside the training module: ``generator``, ``generator.inpainter``."""
    source: str
    record: TrainingRecord
    state: dict[str, Tensor]


def as_tree(init: Any) -> Any:
    """``init`` as configuration can refer to its parts (``init.generator.inpainter``): dotted names as mappings in mappings.

    Raises
    ------
    InputError
        If a part is named, and a part of that part too.
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
            raise InputError(f"init= names {name} and what it is a part of: give the weights of one of them")
        branch[last] = source
    return tree


def parts_of(init: Any) -> dict[str, str]:
    """Where the weights of each part come from; a name or a path alone is for the whole generator."""
    if init is None:
        return {}
    if not isinstance(init, Mapping):
        return {GENERATOR: str(init)}
    parts: dict[str, str] = {}
    for name, inner in init.items():
        below = parts_of(inner) if isinstance(inner, Mapping) else {} if inner is None else {"": str(inner)}
        parts |= {f"{name}.{part}".rstrip("."): source for part, source in below.items()}
    return parts


def first_weights(init: Any, ours: TrainingRecord) -> list[FirstWeights]:
    """Read what ``init`` names.

    Raises
    ------
    InputError
        If it isn't there, or belongs to another network than the model that ``ours`` tells of has there.
    """
    found = [FirstWeights(part, source, *read_weights(find_weights(source))) for part, source in parts_of(init).items()]
    for one in found:
        if one.part == GENERATOR:
            check_same(one.source, one.record, ours, WHOLE)
        elif (node := _node(ours, one.part)) is not None:
            check_same(one.source, one.record, {**ours, "generator": node}, PART)
    return found


def begin_with(module: nn.Module, weights: list[FirstWeights]) -> None:
    """Set weights into the parts of a model that is about to be trained.

    Raises
    ------
    InputError
        If it has no such part, or one of another shape.
    """
    for one in weights:
        names = [name for name, _ in module.named_modules() if name]
        if one.part not in names:
            shown = ", ".join(name for name in names if name.count(".") < 2)
            raise InputError(f"init= has weights for {one.part}, which this model has no part of that name for: it has {shown}")
        try:
            module.get_submodule(one.part).load_state_dict(one.state)
        except RuntimeError as error:
            raise InputError(f"{one.source} holds no weights for {one.part}, which is another network: {_first_line(error)}") from error


def told(weights: list[FirstWeights]) -> Plain | None:
    """What a run's record says of what it began with."""
    entries = {one.part: _origin(one.record) for one in weights}
    return entries.get(GENERATOR, entries or None)


def told_by(record: TrainingRecord) -> Plain | None:
    """What the record of a run that is resumed says of what it began with."""
    older = record.others.get(OLDER)
    return record.init if record.init is not None or older is None else {"generator.inpainter": older}


def check_same(source: str, theirs: TrainingRecord, ours: Mapping[str, Any], keys: tuple[str, ...]) -> None:
    """Raise an :class:`InputError` unless two trainings agree in ``keys`` of their records."""
    for key in keys:
        if theirs[key] != ours[key] and not (key == GENERATOR and _goes_on_from(theirs[key], ours[key])):
            raise InputError(
                f"{source} was trained with {key} {theirs[key]} and this run has {ours[key]}: give its experiment= and options"
            )


def _goes_on_from(theirs: Any, ours: Any) -> bool:
    """Whether a generator's class says that it can begin as another one of that class, with fewer inputs say."""
    if not (isinstance(theirs, Mapping) and isinstance(ours, Mapping)) or theirs.get("_target_") != ours.get("_target_"):
        return False
    try:
        made = imported(str(ours["_target_"]))
    except InputError:  # building it will say so
        return False
    continues_from = getattr(made, "continues_from", None)
    return bool(continues_from is not None and continues_from(theirs, ours))


def _origin(record: TrainingRecord) -> Plain:
    return {"command": record.command, "commit": record.commit, "init": told_by(record)}


def _node(record: TrainingRecord, part: str) -> Any:
    """What configures a part of the generator; None of one that its class makes by itself."""
    node: Any = {GENERATOR: record.generator}
    for step in part.split("."):
        node = node.get(step) if isinstance(node, Mapping) else None
    return node if isinstance(node, Mapping) and "_target_" in node else None


def _first_line(error: RuntimeError) -> str:
    return " ".join(str(error).split())[:200]
