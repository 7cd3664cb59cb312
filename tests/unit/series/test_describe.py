import numpy as np
import pytest
from typer.testing import CliRunner

from mwgan.cli.main import app
from mwgan.series.describe import describe

IMAGES = np.random.default_rng(0).integers(0, 1000, (5, 6, 9)).astype("u2")


@pytest.fixture
def series(tmp_path):
    np.save(tmp_path / "series.npy", IMAGES)
    return tmp_path / "series.npy"


def test_what_is_known_is_told(series):
    described = describe(series, "-40:40:20")
    assert described.sentences[:3] == [
        f"{series}: 5 images of 6 rows and 9 columns",
        "tilts -40 to 40 degrees; 100 degrees missing",
        "pixel size unknown",
    ]
    assert "tilts from the range -40:40:20" in described.sentences
    assert described.warnings == []


def test_without_tilts_the_rest_is_told(series):
    assert describe(series).sentences == [
        f"{series}: 5 images of 6 rows and 9 columns",
        "tilts unknown: give them by --tilts FILE or --tilts FIRST:LAST:STEP",
        "pixel size unknown",
    ]


def test_a_second_gap_is_told(series, tmp_path):
    tilts = [*range(-60, -29, 3), *range(30, 61, 3)]
    np.save(series, np.resize(IMAGES, (len(tilts), 6, 9)))
    assert describe(series, tilts).sentences[1] == "tilts -60 to 60 degrees; 60 degrees missing; none between -30 and 30"
    circle = [tilt % 360 for tilt in tilts]
    assert describe(series, circle).sentences[1] == "tilts -60 to 60 degrees; 60 degrees missing; none between -30 and 30"


def test_info_prints_it_with_warnings_apart(series, tmp_path):
    (tmp_path / "series.tlt").write_text("-40\n-20\n0\n20\n40\n")
    done = CliRunner().invoke(app, ["info", str(series)])
    assert done.exit_code == 0
    assert done.stdout.splitlines()[1:] == ["tilts -40 to 40 degrees; 100 degrees missing", "pixel size unknown", "tilts from series.tlt"]
    done = CliRunner().invoke(app, ["info", str(series), "--tilts", "-40:40:20", "--exclude", "1-3"])
    assert "tilts 20 to 40 degrees" in done.stdout
    assert "3 images left out" in done.stdout
    assert done.stderr.startswith("warning: 2 tilts are too few for a reconstruction")
