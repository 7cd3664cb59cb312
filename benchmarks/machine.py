"""What every benchmark says beside its numbers, and where it writes them."""

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
    """The options that all benchmarks share."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="threads that each case may use")
    parser.add_argument("--csv", type=Path, default=RESULTS / csv_name, help="where the numbers go")
    return parser


def cpu_model() -> str:
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def package_version(package: str) -> str:
    """Its version, ``not installed``, or ``unknown`` where it was copied into place without its metadata."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown" if find_spec(package) else "not installed"


def provenance(packages: Sequence[str]) -> dict[str, object]:
    """The columns that tell where a number comes from."""
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
