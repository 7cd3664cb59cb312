"""``mwgan-evaluate``: methods, wedges and images into one results table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import hydra
from omegaconf import DictConfig

from mwgan.configuration import build, plain
from mwgan.errors import InputError
from mwgan.files.whole import sha256
from mwgan.paths import conf_dir
from mwgan.provenance import commit, device_name
from mwgan.runs import exit


def evaluate(cfg: DictConfig) -> Any:
    """Fill the table that ``cfg`` names; the table."""
    import torch

    from mwgan.evaluation import ResultsTable
    from mwgan.evaluation import evaluate as fill
    from mwgan.evaluation.evaluate import Conditions
    from mwgan.evaluation.unseen import check_unseen
    from mwgan.recon.named import check_device
    from mwgan.results.table import check_conditions, claimed_table, table_path

    if cfg.threads is not None:
        torch.set_num_threads(cfg.threads)
    check_device(cfg.device)
    methods = _classical({str(name): node for name, node in cfg.methods.items() if node is not None})
    methods += [_learned(str(name), str(path), cfg) for name, path in (cfg.checkpoints or {}).items()]
    methods += [_learned(run.method, str(run.folder), cfg) for run in _finished_runs(cfg.sweep)] if cfg.sweep is not None else []
    if cfg.data_consistency is not None:
        methods = [twin for method in methods for twin in (method, _data_consistent(method, plain(cfg.data_consistency)))]
    if not methods:
        raise InputError("there is nothing to evaluate: name a method (methods.wbp, …) or a checkpoint (checkpoints={name: run folder})")
    for wedge in cfg.wedges_deg:
        if not 0 <= float(wedge) < 180:
            raise InputError(f"wedges_deg holds {wedge}: a missing wedge lies in [0, 180) degrees")
    path = table_path(_table(cfg))
    several = cfg.get("tests")  # a group of which no option was chosen leaves no key
    tests = several or {"data": {"test": cfg.data.test, "validation": cfg.data.validation}}
    noise = build(cfg.noise)
    # A table may hold several levels of one kind of noise, which the rows tell apart.
    described = {"step_deg": float(cfg.step_deg), f"noise of {noise.percent:g} %": plain(cfg.noise)}
    described |= {"uncertainty": plain(cfg.get("uncertainty"))}
    described |= {} if cfg.data_consistency is None else {"data_consistency": plain(cfg.data_consistency)}
    described |= {"tests": plain(several)} if several else {part: plain(node) for part, node in tests["data"].items()}
    described |= {f"method {name}": plain(node) for name, node in cfg.methods.items() if node is not None}
    sources = [(build(node["test"]), build(node["validation"])) for node in tests.values()]
    conditions = Conditions(float(cfg.step_deg), [float(wedge) for wedge in cfg.wedges_deg], noise, list(cfg.sinograms), cfg.seed)
    for pair in sources:  # all of them before the first is evaluated, which may take hours
        for source, asked, key in zip(pair, (cfg.images, cfg.tuning_images), ("images", "tuning_images"), strict=True):
            if len(source) < asked:
                raise InputError(f"{source.name} has {len(source)} images and {key}={asked} are asked for: ask for fewer, or add data")
    for method in methods:
        check_unseen(method.checkpoint.rpartition("#")[0], method.trained_on, [source for pair in sources for source in pair])
    with claimed_table(path):
        table = ResultsTable(path)
        check_conditions(path, {**described, **_fingerprints(list(tests), sources)})
        for test, validation in sources:
            fill(
                methods,
                test,
                validation,
                conditions,
                table,
                {"commit": commit(), "device": device_name(cfg.device)},
                images=cfg.images,
                tuning_images=cfg.tuning_images,
                kept_images=cfg.kept_images,
                batch_size=cfg.batch_size,
                device=cfg.device,
                perceptual=cfg.perceptual,
                confidence=build(cfg.uncertainty) if cfg.get("uncertainty") else None,
                progress=lambda text, name=test.name: print(f"{name}: {text}", flush=True),  # type: ignore[misc]
            )
    return table


def _fingerprints(names: Sequence[str], sources: Sequence[tuple[Any, Any]]) -> dict[str, dict[str, str]]:
    """What the measured images are, by test and part: the configuration names a folder and not what is in it."""
    from mwgan.data.source import as_source

    found = {}
    for name, (test, validation) in zip(names, sources, strict=True):
        parts = {"test": as_source(test).measured(), "validation": as_source(validation).measured()}
        found[f"images of {name}"] = {f"{part} {one.name}": one.fingerprint for part, those in parts.items() for one in those}
    return {key: prints for key, prints in found.items() if prints}


def _table(cfg: DictConfig) -> str:
    """The table asked for; else a sweep's own, or the one in the folder of outputs."""
    if cfg.table is not None:
        return str(cfg.table)
    return f"{cfg.paths.root}/evaluate/results" if cfg.sweep is None else f"{cfg.sweep}/results"


def _finished_runs(folder: str) -> Any:
    """The runs of a sweep that came to their end; those that didn't are named."""
    from mwgan.runs.sweeps import runs_of

    runs = runs_of(Path(folder))
    for run in runs:
        if not run.finished:
            print(f"{run.folder} is not finished and left out: go on with it by mwgan-train resume={folder}", flush=True)
    finished = [run for run in runs if run.finished]
    if not finished:
        raise InputError(f"{folder} holds no finished run: give the folder of a sweep of mwgan-train, or finish it (resume={folder})")
    return finished


def _classical(nodes: dict[str, DictConfig]) -> list[Any]:
    """Methods by name; one that goes ``after`` another takes over what that one was tuned to."""
    from mwgan.evaluation import Method

    methods: dict[str, Any] = {}
    for name, node in nodes.items():
        base = node.get("after")
        if base is not None and base not in methods:
            raise InputError(f"the method {name} goes on from {base}, which is not among the methods before it: add methods.{base}")
        methods[name] = Method(name, partial(build, node.reconstructor), plain(node.tune) or {}, base=methods.get(base))
    return list(methods.values())


def _data_consistent(method: Any, weights: Sequence[float]) -> Any:
    """The same method, its tomograms corrected by what they leave of the data."""
    from mwgan.evaluation import Method
    from mwgan.figures.parts.style import CORRECTED
    from mwgan.recon import DataConsistent

    bases: dict[str, _Remembering] = {}

    def make(consistency_weight: float, **chosen: Any) -> DataConsistent:
        base = bases.setdefault(repr(chosen), _Remembering(method.make(**chosen)))
        return DataConsistent(base, consistency_weight)

    told = (method.checkpoint, method.train_data, method.train_seed, method.trained_on)
    return Method(f"{method.name}{CORRECTED}", make, {"consistency_weight": weights}, *told, base=method)


class _Remembering:
    """A reconstructor that gives the latest measurement's tomogram again without working: weights are tried on one measurement."""

    def __init__(self, reconstructor: Any) -> None:
        self.reconstructor, self.latest = reconstructor, (None, None)

    def __call__(self, measurement: Any) -> Any:
        if self.latest[0] is not measurement:
            self.latest = (measurement, self.reconstructor(measurement))
        return self.latest[1]


def _learned(name: str, path: str, cfg: DictConfig) -> Any:
    from mwgan.evaluation import Method
    from mwgan.files.weights import find_weights
    from mwgan.recon.learned import load_reconstructor

    reconstructor = load_reconstructor(path, cfg.device)
    if reconstructor.detector_size < cfg.data.size and not reconstructor.any_size:
        raise InputError(
            f"{path} was trained for slices of {reconstructor.detector_size} pixels: evaluate it at data.size={reconstructor.detector_size}"
        )
    # The content's hash, so that a run trained again into the same folder is not taken for the old one.
    digest = sha256(find_weights(path))[:8]
    record = reconstructor.record
    trained_on = record.get("data") or ()
    train_data = str(record["train_data"])
    return Method(name, lambda: reconstructor, {}, f"{path}#{digest}", train_data, record.get("seed"), trained_on)


def _print_summary(table: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    summary, names = table.summary(), _names_in_full(table)
    several = summary["noise_percent"].nunique() > 1
    for (source, noise), rows in summary.groupby(["source", "noise_percent"], sort=False):
        wedges = sorted(rows["wedge_deg"].unique())
        shown = Table(title=f"{source}{f', {noise:g} % noise' if several else ''}: PSNR in dB / SSIM, mean over images, by missing wedge")
        for heading in ("method", "sinogram", *(f"{wedge:g}°" for wedge in wedges), "ms per image"):
            shown.add_column(heading, justify="left" if heading in ("method", "sinogram") else "right", no_wrap=True)
        for (method, sinogram), found in rows.groupby(["method", "sinogram"], sort=False):
            means = found.set_index("wedge_deg")
            cells = [f"{means['psnr'][wedge]:.1f} / {means['ssim'][wedge]:.3f}" if wedge in means.index else "" for wedge in wedges]
            shown.add_row(names[method], sinogram, *cells, f"{1000 * found['seconds'].mean():.1f}")
        wide = Console(width=10_000)  # or names and numbers would be cut to the terminal's width
        Console(width=wide.measure(shown).maximum).print(shown)


def _names_in_full(table: Any) -> dict[str, str]:
    """Each method's name, and what stood in for measured images when it was trained."""
    from mwgan.figures.parts.stand_ins import STAND_INS

    trained = table.rows[["method", "train_data"]].fillna("").drop_duplicates("method", keep="last")
    found = {name: STAND_INS.search(data) for name, data in trained.itertuples(index=False, name=None)}
    return {name: f"{name} {stand_ins[0]}" if stand_ins else name for name, stand_ins in found.items()}


@hydra.main(config_path=str(conf_dir()), config_name="evaluate", version_base="1.3")
@exit.in_one_sentence
def _main(cfg: DictConfig) -> None:
    table = evaluate(cfg)
    _print_summary(table)
    print(f"the table is {table.path}.csv")


def main() -> None:
    exit.run(_main)


if __name__ == "__main__":
    main()
