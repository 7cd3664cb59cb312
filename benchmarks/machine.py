"""Options, provenance and csv output of all benchmarks."""

from __future__ import annotations

import argparse
import csv
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import torch

from mwgan.provenance import commit

RESULTS = Path(__file__).parent / "results"


def arguments(description: str, csv_name: str) -> argparse.ArgumentParser:
    """Options shared by all benchmarks."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="threads for each case")
    parser.add_argument("--csv", type=Path, default=RESULTS / csv_name, help="output table")
    return parser


def cpu_model() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def package_version(package: str) -> str:
    """The version of a package, ``not installed``, or ``unknown`` without metadata."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown" if find_spec(package) else "not installed"


def provenance(packages: Sequence[str]) -> dict[str, object]:
    """Columns of versions and machine for each row."""
    versions = {"python": platform.python_version(), **{package: package_version(package) for package in packages}}
    return {
        "threads": torch.get_num_threads(),
        "cpu": cpu_model(),
        "versions": "; ".join(f"{name} {number}" for name, number in versions.items()),
        "commit": commit(),
    }


def describe(columns: Mapping[str, object]) -> str:
    return (
        f"CPU: {columns['cpu']}, {os.cpu_count()} cores, {columns['threads']} threads used\n"
        f"{columns['versions']}\ncommit {columns['commit']}"
    )


def write_csv(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"written to {os.path.relpath(path)}")
