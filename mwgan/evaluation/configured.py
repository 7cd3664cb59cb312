"""An evaluation from its configuration: methods, images, conditions and table."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from mwgan.configuration import build
from mwgan.data.source import ImageSource, as_source
from mwgan.errors import InputError
from mwgan.evaluation.conditions import Conditions
from mwgan.evaluation.evaluate import evaluate
from mwgan.evaluation.method import Method, data_consistent, learned
from mwgan.evaluation.unseen import check_unseen
from mwgan.memory import check_fits
from mwgan.methods import conditions_of
from mwgan.provenance import commit, device_name
from mwgan.recon.learned import LearnedReconstructor, load_network
from mwgan.recon.named import check_device
from mwgan.results.table import ResultsTable, check_conditions, claimed_table, table_path

FLOAT32 = 4  # bytes
LEAST = {"images": 1, "tuning_images": 1, "kept_images": 0, "batch_size": 1}

Settings = Mapping[str, Any]
"""``conf/evaluate.yaml`` as plain values, ``table`` given."""


def evaluate_configured(settings: Settings, runs: Sequence[tuple[str, str]] = (), say: Callable[[str], None] = print) -> ResultsTable:
    """Fill the table that ``settings`` name; return it.

    Parameters
    ----------
    settings
        The configuration.
    runs
        Networks besides those of ``checkpoints``: pairs of name and run folder.
    say
        Called with messages on progress.

    Raises
    ------
    InputError
        If something requested isn't available, before anything is written; or if the table has other conditions.
    """
    if settings["threads"] is not None:
        torch.set_num_threads(settings["threads"])
    check_device(settings["device"])
    methods = configured_methods(settings, runs)
    noise = build(settings["noise"])
    conditions = Conditions(
        float(settings["step_deg"]), [float(wedge) for wedge in settings["wedges_deg"]], noise, settings["sinograms"], settings["seed"]
    )
    for key, least in LEAST.items():
        if not isinstance(settings[key], int) or settings[key] < least:
            raise InputError(f"{key}={settings[key]} is not a number of {least} or more, so nothing would be evaluated")
    tests = _tests(settings)
    sources = [(build(node["test"]), build(node["validation"])) for node in tests.values()]
    for pair in sources:  # check all before evaluating the first, which may take hours
        for source, key in zip(pair, ("images", "tuning_images"), strict=True):
            if len(source) < settings[key]:
                raise InputError(f"{source.name} has {len(source)} images, fewer than {key}={settings[key]}: lower {key}, or add data")
    for source, _ in sources:
        pixels, rays = float(source.size) ** 2, source.size * 180.0 / conditions.step_deg
        what = f"{settings['batch_size']} images of {source.size} pixels"
        check_fits(FLOAT32 * settings["batch_size"] * (pixels + rays), what, "lower data.size or batch_size")
    for method in methods:
        check_unseen(method.weights, method.trained_on, [source for pair in sources for source in pair])
    metrics = {name: build(node) for name, node in settings["metrics"].items()}
    confidence = build(settings["uncertainty"]) if settings.get("uncertainty") else None
    path = table_path(settings["table"])
    with claimed_table(path):
        table = ResultsTable(path)
        check_conditions(path, {**_described(settings, noise.percent), **_fingerprints(list(tests), sources)})
        for test, validation in sources:
            evaluate(
                methods,
                test,
                validation,
                conditions,
                table,
                {"commit": commit(), "device": device_name(settings["device"])},
                **{key: settings[key] for key in ("images", "tuning_images", "kept_images", "batch_size", "device", "perceptual")},
                confidence=confidence,
                metrics=metrics,
                progress=lambda text, name=test.name: say(f"{name}: {text}"),  # type: ignore[misc]
            )
    return table


def configured_methods(settings: Settings, runs: Sequence[tuple[str, str]] = ()) -> list[Method]:
    """The methods that ``settings`` name, classical and learned, each also with data consistency where requested."""
    size = settings["data"]["size"]
    methods: dict[str, Method] = {}
    for name, node in settings["methods"].items():
        if node is not None:
            methods[name] = _method(name, node, methods, size)
    networks = [(name, str(path)) for name, path in (settings["checkpoints"] or {}).items()]
    found = list(methods.values())
    for name, path in (*networks, *runs):
        found.append(_learned(name, load_network(path, settings["device"], tuple(settings["allow"])), size))
    if settings["data_consistency"] is not None:
        found = [twin for method in found for twin in (method, data_consistent(method, settings["data_consistency"]))]
    if not found:
        raise InputError("there is nothing to evaluate: name a method (methods.wbp, …) or a checkpoint (checkpoints={name: run folder})")
    return found


def _method(name: str, node: Mapping[str, Any], before: Mapping[str, Method], size: int) -> Method:
    """A method of the configuration; one that comes ``after`` another takes over that one's tuned parameters."""
    after = node.get("after")
    if after is not None and after not in before:
        raise InputError(f"the method {name} comes after {after}, which is not among the methods before it: add methods.{after}")
    if node["reconstructor"] is None:
        raise InputError(f"{name} is a trained network whose weights aren't shipped: give checkpoints={{{name}: RUN}} for its method")
    base, grid, make = before.get(after) if after else None, node.get("tune") or {}, partial(build, node["reconstructor"])
    made = make(**_first(base), **{key: values[0] for key, values in grid.items()})
    if isinstance(made, LearnedReconstructor):
        network = _learned(name, made, size)
        return replace(network, make=make, grid=grid, base=base) if grid or base else network
    return Method(name, make, grid, base=base)


def _first(method: Method | None) -> dict[str, Any]:
    """The first value of every tuned parameter of a method and of the one it comes after."""
    return {} if method is None else {**_first(method.base), **{key: values[0] for key, values in method.grid.items()}}


def _learned(name: str, network: LearnedReconstructor, size: int) -> Method:
    if network.detector_size < size and not network.any_size:
        raise InputError(
            f"{network.name} was trained for slices of {network.detector_size} pixels: evaluate it at data.size={network.detector_size}"
        )
    return learned(name, network)


def _tests(settings: Settings) -> Mapping[str, Any]:
    """Test sources by name; a configuration group without a chosen option has no key."""
    return settings.get("tests") or {"data": {"test": settings["data"]["test"], "validation": settings["data"]["validation"]}}


def _described(settings: Settings, noise_percent: float) -> dict[str, Any]:
    """The conditions of a table, besides the images themselves."""
    # A table may contain several levels of one kind of noise, which are a column.
    described = {"step_deg": float(settings["step_deg"]), f"noise of {noise_percent:g} %": settings["noise"]}
    described |= {"uncertainty": settings.get("uncertainty")}
    described |= {} if settings["data_consistency"] is None else {"data_consistency": settings["data_consistency"]}
    tests = _tests(settings)
    described |= {"tests": tests} if settings.get("tests") else tests["data"]
    described |= {f"method {name}": described for name, described in conditions_of(settings["methods"]).items()}
    return described | {f"metric {name}": node for name, node in settings["metrics"].items()}


def _fingerprints(names: Collection[str], sources: Sequence[tuple[ImageSource, ImageSource]]) -> dict[str, dict[str, str]]:
    """Fingerprints of scans and photographs, by test and part: the configuration names a folder, not its content."""
    found = {}
    for name, (test, validation) in zip(names, sources, strict=True):
        parts = {"test": as_source(test).real_sources(), "validation": as_source(validation).real_sources()}
        found[f"images of {name}"] = {f"{part} {one.name}": one.fingerprint for part, those in parts.items() for one in those}
    return {key: prints for key, prints in found.items() if prints}
