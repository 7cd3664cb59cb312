"""The record of a volume, and the page: what stands in them."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import mrcfile
import numpy as np
import pytest

from mwgan.errors import InputError
from mwgan.files.atomic import sha256
from mwgan.files.weights import find_weights
from mwgan.recon import SIRT
from mwgan.recon.named import make_method
from mwgan.series import reconstruct_series
from mwgan.series.look import Findings
from mwgan.series.record import Record, check_record_file, plain, record_file
from mwgan.series.report import Report, report_file
from mwgan.series.trust_report import TrustReport, trust_files

LOOKED_AT = SimpleNamespace(
    seen=Findings(13, 5, 24, axis_offset_px=1.5, outliers=3), notes=["3 hot pixels <replaced>"], warnings=["image 7 is dark"]
)


@pytest.fixture
def run(small_series, tmp_path):
    """``run(...)``: a reconstruction with its record and its page; gives what the record says and the page."""

    def reconstructed(name="v.mrc", method="sirt", trust=False, **options):
        series, output = small_series(), tmp_path / name
        reconstructor = SIRT(20) if method == "sirt" else make_method(method, {})
        believed = TrustReport(reconstructor, output, series) if trust else None
        record = Record(output, series, LOOKED_AT, reconstructor, "cpu", method, {"tilts": None, "output": output})
        companions = [record, Report(output, series, record, "SIRT", "cpu", believed)]
        found = reconstruct_series(series, reconstructor, output, report=believed, companions=companions, **options)
        return found, json.loads(record_file(output).read_text()), report_file(output).read_text()

    return reconstructed


def test_record_and_page_say_where_a_volume_comes_from_and_what_is_left(run, tmp_path):
    found, message, page = run(thickness=10, width=30)
    assert message["commit"]
    assert message["command"].startswith("mwgan")
    assert message["options"] == {"tilts": None, "output": str(tmp_path / "v.mrc")}
    assert (message["method"], message["weights"], message["series"]) == ("sirt", [], "small.mrc")
    assert message["geometry"]["tilt_deg"] == list(range(-60, 61, 10))
    assert (message["geometry"]["detector_px"], message["geometry"]["images"]) == (24, list(range(1, 14)))
    assert (message["seen"]["axis_offset_px"], message["seen"]["outliers"]) == (1.5, 3)
    assert (message["notes"], message["warnings"]) == (LOOKED_AT.notes, LOOKED_AT.warnings)
    assert message["volume"]["shape_yzx"] == [5, 10, 30]
    assert message["volume"]["first_voxel_px_yzx"] == [0.0, 7.0, -3.0]
    assert message["volume"]["voxel_sizes_angstrom_yzx"] == [3.0, 2.0, 2.0]
    residual = message["residual"]
    assert (residual["of_data"], residual["noise_would_leave"]) == pytest.approx(found)
    assert residual["times_noise"] == pytest.approx(found.residual / found.noise)
    assert len(residual["by_tilt"]) == len(residual["noise_by_tilt"]) == 13
    assert min(residual["by_tilt"]) < found.residual < max(residual["by_tilt"])
    with mrcfile.open(tmp_path / "v.mrc") as file:
        assert [float(file.header.origin[axis]) for axis in "zyx"] == [0.0, 14.0, -6.0]
    assert not re.search(r"(?:src|href)=[\"'](?!data:)", page)
    for part in ("SIRT", "WBP", "3 hot pixels &lt;replaced&gt;", "image 7 is dark", "of the data", "power spectrum"):
        assert part in page, part
    assert "<replaced>" not in page
    assert page.count("<canvas") == 6
    assert 'id="overlay"' not in page
    assert "Reliability" not in page
    check_record_file(tmp_path / "v.mrc")  # the next one may take its place


def test_the_record_knows_a_networks_weights_by_their_sum(run):
    _, message, _ = run(method="lpd")
    file = find_weights("lpd")
    assert message["weights"] == [{"file": str(file), "sha256": sha256(file)}]


def test_trust_lies_over_the_views_whatever_the_format(run, tmp_path):
    _, _, page = run("v.ome.tif", trust=True)
    assert 'id="overlay"' in page
    assert "Reliability" in page
    uncertainty = trust_files(tmp_path / "v.ome.tif")[0]
    assert uncertainty.name == "v.uncertainty.ome.tif"
    assert uncertainty.is_file()


def test_what_stops_leaves_neither_record_nor_page(run, monkeypatch, tmp_path):
    monkeypatch.setattr("mwgan.series.report.Report.write", lambda *_: (_ for _ in ()).throw(InputError("no")))
    with pytest.raises(InputError, match="no"):
        run()
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["{}", "[1]", "no json", '{"tilts": [1]}'])
def test_something_else_in_the_records_place_is_kept(text, tmp_path):
    (tmp_path / "v.json").write_text(text)
    with pytest.raises(InputError, match=r"v\.json, which is something else: give the volume another name"):
        check_record_file(tmp_path / "v.mrc")


def test_plain_values_are_json_whatever_they_were():
    message = plain({"a": np.array([1.0, np.nan]), 2: (np.int64(3), np.float32(np.inf)), "b": {"c": True, "d": None}})
    assert json.loads(json.dumps(message, allow_nan=False)) == {"a": [1.0, None], "2": [3, None], "b": {"c": True, "d": None}}
