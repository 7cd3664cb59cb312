"""Imports go one way. Every module is read, none is run."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mwgan.paths import PACKAGE

# Which rooms a room builds on; it may import those, whatever they build on, and EVERYWHERE.
EVERYWHERE = {"errors", "paths", "files", "memory", "parts", "signals"}
BUILDS_ON = {
    "errors": set(),
    "paths": set(),
    "files": set(),
    "memory": set(),
    "parts": set(),
    "signals": set(),
    "methods": set(),
    "configuration": {"methods"},
    "provenance": set(),
    "geometry": set(),
    "networks": set(),
    "losses": set(),
    "metrics": set(),
    "operators": {"geometry"},
    "io": {"geometry"},
    "recon": {"operators", "networks", "methods"},  # unrolled networks are built of small ones
    "acquisition": {"operators"},
    "data": {"acquisition", "recon", "io"},  # a measured truth is read and reconstructed
    "trust": {"recon"},
    "training": {"networks", "losses", "metrics", "acquisition", "recon"},
    "callbacks": {"acquisition", "figures"},  # they draw spectra as figures do
    "results": set(),
    "figures": {"results", "methods"},
    "testing": {"data"},
    "evaluation": {"data", "metrics", "trust", "results", "configuration", "provenance"},
    "series": {"data", "trust", "figures", "evaluation"},
    "recipes": {"figures", "provenance"},
    "runs": {"training", "callbacks", "data", "figures", "configuration", "provenance"},
    "quantify": {"series"},
    "atoms": {"series"},
    "cli": {"recipes", "runs", "series", "quantify", "atoms", "evaluation", "figures"},
}
LIGHTNING = {"pytorch_lightning", "lightning", "lightning_fabric"}
LIGHTNING_ROOMS = {"training", "callbacks", "runs", "cli"}
HYDRA = {"hydra", "omegaconf"}
HYDRA_ROOMS = {"configuration", "runs", "cli"}
NEVER_AT_THE_TOP = {
    "wandb",
    "huggingface_hub",
    "mlflow",
    "trackio",
    "deepinv",
    "astra",
    "tomopy",
    "submitit",
    "rsciio",
    "imagecodecs",
    "ase",
}
TABLES_MAY_USE = {"numpy", "pandas", "matplotlib"}

MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
every_module = pytest.mark.parametrize("module", MODULES)


def room(module: str) -> str:
    """``recon/wbp.py`` and ``geometry.py`` to ``recon`` and ``geometry``; the package itself to ''."""
    first = module.split("/")[0].removesuffix(".py")
    return "" if first == "__init__" else first


def imported(tree: ast.AST, module: str) -> Iterator[str]:
    """Dotted names of everything that is imported anywhere in a module, names taken from a package included."""
    package = ["mwgan", *module.split("/")[:-1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{source}.{alias.name}" for alias in node.names)


def at_the_top(tree: ast.Module) -> ast.Module:
    """The module without what only runs when a function is called."""

    class DropBodies(ast.NodeTransformer):
        def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
            return None

        visit_AsyncFunctionDef = visit_FunctionDef

    return DropBodies().visit(tree)


def rooms_below(name: str) -> set[str]:
    below = {name} | EVERYWHERE
    for direct in BUILDS_ON[name]:
        below |= rooms_below(direct)
    return below


def violations(source: str, module: str) -> list[str]:
    """What a module imports although the design forbids it."""
    names = set(imported(ast.parse(source), module))
    packages = {name.split(".")[0] for name in names}
    here, found = room(module), []
    allowed = rooms_below(here) if here else set()
    for name in sorted(names):
        parts = name.split(".")
        if parts[0] == "mwgan" and len(parts) > 1 and parts[1] in BUILDS_ON and parts[1] not in allowed:
            found.append(f"{here or 'the package'} imports {name}")
    if here not in LIGHTNING_ROOMS and module != "data/datamodules.py":
        found += [f"Lightning outside its rooms: {name}" for name in sorted(packages & LIGHTNING)]
    if here not in HYDRA_ROOMS:
        found += [f"Hydra outside its rooms: {name}" for name in sorted(packages & HYDRA)]
    top = {name.split(".")[0] for name in imported(at_the_top(ast.parse(source)), module)}
    found += [f"{name} at the top of a module" for name in sorted(top & NEVER_AT_THE_TOP)]
    if here in ("figures", "results"):
        found += [f"{here} uses {name}" for name in sorted(packages - TABLES_MAY_USE - {"mwgan"} - sys.stdlib_module_names)]
    return found


@every_module
def test_a_module_imports_only_from_the_rooms_below_it(module):
    assert violations((PACKAGE / module).read_text(), module) == []


def test_every_room_has_its_place_in_the_order():
    assert {room(module) for module in MODULES} - {""} <= set(BUILDS_ON)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("geometry.py", "from mwgan.operators import ParallelBeam"),
        ("operators/sparse.py", "def late():\n    import mwgan.recon.wbp"),
        ("operators/sparse.py", "from ..recon import WBP"),
        ("operators/sparse.py", "from .. import recon"),
        ("recon/wbp.py", "from mwgan import acquisition"),
        ("networks/unet.py", "if TYPE_CHECKING:\n    from mwgan.geometry import TiltGeometry"),
        ("losses.py", "from mwgan.metrics import image_metrics"),
        ("training/adversarial.py", "from mwgan.data import PhantomFaces"),
        ("callbacks/image_panels.py", "from mwgan.training import AdversarialModule"),
        ("io/volumes/mrc.py", "import mwgan.recon"),
        ("__init__.py", "from mwgan.recon import WBP"),
        ("data/phantom_faces.py", "import pytorch_lightning as pl"),
        ("recon/learned.py", "def late():\n    from omegaconf import OmegaConf"),
        ("operators/astra.py", "try:\n    import astra\nexcept ImportError:\n    astra = None"),
        ("figures/style.py", "import torch"),
        ("figures/parts/style.py", "from mwgan.metrics import COLUMNS"),
        ("files/atomic.py", "from mwgan.geometry import Measurement"),
        ("results/means.py", "from mwgan.figures.parts.style import label"),
        ("series/reconstruct.py", "from mwgan.cli.main import app"),
        ("runs/resume.py", "from mwgan.evaluation import evaluate"),
    ],
)
def test_the_walk_finds_what_is_forbidden(module, source):
    assert len(violations(source, module)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("recon/wbp.py", "from mwgan.errors import InputError\nfrom mwgan.geometry import Measurement\nfrom .base import Progress"),
        ("operators/astra.py", "def late():\n    import astra"),
        ("data/datamodules.py", "import pytorch_lightning as pl"),
        ("figures/style.py", "from pathlib import Path\nimport numpy as np\nfrom mwgan.errors import InputError"),
        ("cli/train.py", "import hydra\nfrom mwgan.training import AdversarialModule"),
    ],
)
def test_the_walk_lets_pass_what_is_allowed(module, source):
    assert violations(source, module) == []


def test_no_room_is_above_itself():
    for name in BUILDS_ON:
        assert not any(name in rooms_below(direct) for direct in BUILDS_ON[name])


@pytest.mark.parametrize("module", ["mwgan", "mwgan.geometry", "mwgan.errors", "mwgan.paths", "mwgan.methods", "mwgan.files.checkpoints"])
def test_importing_the_package_does_not_import_torch(module):
    heavy = {"torch", "pytorch_lightning", "hydra", "scipy", "matplotlib", "pandas"}
    code = f"import sys, {module}; print(sorted(set(sys.modules) & {heavy}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(PACKAGE).parent)
    assert done.stdout.strip() == "[]"
