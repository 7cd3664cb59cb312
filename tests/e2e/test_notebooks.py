from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
QUICK = "01_first_reconstruction"  # the commands of the others, on less: tests/unit/series/look, test_run_recipe.py, test_extending.py


@pytest.mark.parametrize(
    "path", [pytest.param(path, id=path.stem, marks=() if path.stem == QUICK else pytest.mark.slow) for path in NOTEBOOKS]
)
def test_a_notebook_runs_from_top_to_bottom(path):
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}).execute()
    assert all(not cell.get("outputs") for cell in nbformat.read(path, as_version=4).cells), "commit notebooks without outputs"


def test_there_is_a_notebook_to_run():
    assert NOTEBOOKS
