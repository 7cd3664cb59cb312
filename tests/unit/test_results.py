import json

import pandas as pd
import pytest

from mwgan.acquisition import NoNoise
from mwgan.errors import InputError
from mwgan.evaluation.evaluate import Conditions
from mwgan.figures import means_table
from mwgan.results.columns import IDENTITY, NAMES, column, metrics_of
from mwgan.results.reading import training_of, up_to_date
from mwgan.results.table import ResultsTable, check_conditions, claimed_table, latest


def _row(image=0, method="wbp", psnr=20.0):
    identity = dict(zip(IDENTITY, (method, "", "", "missing", 45.0, "phantom_faces", 2.0, image, 0), strict=True))
    return {
        **identity,
        "psnr": psnr,
        "ssim": 0.5,
        "nrmse": 0.3,
        "rmse_255": 20.0,
        "perceptual_note": "",
        "seconds": 0.01,
        "commit": "abc",
        "device": "CPU",
    }


def test_rows_are_found_again_after_reopening(tmp_path):
    ResultsTable(tmp_path / "r").append([_row(0), _row(1)])
    table = ResultsTable(tmp_path / "r")
    assert table.missing([_row(0), _row(1), _row(2)]) == [2]
    table.append([_row(2)])
    assert list(pd.read_csv(tmp_path / "r.csv")["image"]) == [0, 1, 2]
    assert tuple(pd.read_parquet(tmp_path / "r.parquet").columns) == NAMES


def test_the_summary_averages_over_images(tmp_path):
    table = ResultsTable(tmp_path / "r")
    table.append([_row(0, psnr=20.0), _row(1, psnr=30.0), _row(0, method="sart", psnr=10.0)])
    means = table.summary().set_index("method")["psnr"]
    assert means["wbp"] == 25.0
    assert means["sart"] == 10.0


def test_a_damaged_table_is_refused_and_kept(tmp_path):
    (tmp_path / "r.parquet").write_bytes(b"garbage")
    with pytest.raises(InputError, match=r"r\.parquet"):
        ResultsTable(tmp_path / "r")
    assert (tmp_path / "r.parquet").read_bytes() == b"garbage"


def test_a_table_is_filled_by_one_evaluation_at_a_time(tmp_path):
    table = tmp_path / "results"
    with claimed_table(table):
        with pytest.raises(InputError, match="another evaluation"), claimed_table(table):
            pass
        with claimed_table(tmp_path / "others"):
            pass
    with claimed_table(table):
        pass
    assert sorted(file.name for file in tmp_path.iterdir()) == [".others.lock", ".results.lock"]


def test_conditions_of_a_table_without_a_number_in_it_hold_nobody_up(tmp_path):
    """A refused evaluation, or one that was killed at its start, has left them."""
    check_conditions(tmp_path / "r", {"step_deg": 0.0})
    check_conditions(tmp_path / "r", {"step_deg": 6.0})
    assert json.loads((tmp_path / "r.conditions.json").read_text()) == {"step_deg": 6.0}


def test_a_table_is_not_filled_under_two_conditions(tmp_path):
    (tmp_path / "r.tuning.csv").touch()
    check_conditions(tmp_path / "r", {"step_deg": 6.0, "method wbp": {"filter": "hann"}})
    check_conditions(tmp_path / "r", {"step_deg": 6.0, "method sart": {"iterations": 5}})
    with pytest.raises(InputError, match=r"made with step_deg 6\.0, not 3\.0"):
        check_conditions(tmp_path / "r", {"step_deg": 3.0})


def test_the_latest_training_of_a_network_counts(tmp_path):
    table = ResultsTable(tmp_path / "r")
    table.append([{**_row(psnr=20.0), "checkpoint": "run#1"}, {**_row(psnr=30.0), "checkpoint": "run#2"}])
    assert table.summary()["psnr"].tolist() == [30.0]
    assert latest(table.rows)["psnr"].tolist() == [30.0]


def test_a_misspelt_sinogram_is_refused_rather_than_taken_for_complete():
    with pytest.raises(InputError, match="missing or complete, not mising"):
        Conditions(1.0, [45.0], NoNoise(), sinograms=["mising"])


def test_a_table_from_before_subjects_is_read_and_goes_on(tmp_path):
    old = pd.DataFrame([_row(0)])
    old.to_parquet(tmp_path / "r.parquet")
    table = ResultsTable(tmp_path / "r")
    assert table.missing([_row(0), _row(1)]) == [1]
    table.append([{**_row(1), "subject": "somebody"}])
    assert pd.read_parquet(tmp_path / "r.parquet")["subject"].fillna("").tolist() == ["", "somebody"]
    assert table.summary()["psnr"].tolist() == [20.0]


BRAIN = {"folder": "data/brain", "cache": "outputs/cache", "licence": "theirs", "count": 40, "part": "test"}


def test_moving_the_files_or_the_cache_makes_no_other_table(tmp_path):
    (tmp_path / "r.parquet").touch()
    (tmp_path / "r.conditions.json").write_text(json.dumps({"tests": {"brain": {"test": BRAIN}}}))  # as it was written once
    moved = {**BRAIN, "folder": "elsewhere", "cache": "another", "licence": "ours"}
    check_conditions(tmp_path / "r", {"tests": {"brain": {"test": moved}}, "images of brain": {"test brain": "12ab"}})
    written = json.loads((tmp_path / "r.conditions.json").read_text())
    assert written == {"tests": {"brain": {"test": {"count": 40, "part": "test"}}}, "images of brain": {"test brain": "12ab"}}


def test_a_refusal_names_what_differs_and_nothing_else(tmp_path):
    (tmp_path / "r.parquet").touch()
    check_conditions(tmp_path / "r", {"tests": {"brain": {"test": BRAIN}}, "images of brain": {"test brain": "12ab"}})
    other = {"tests": {"brain": {"test": {**BRAIN, "count": 80}}}, "images of brain": {"test brain": "34cd"}}
    with pytest.raises(InputError) as refused:
        check_conditions(tmp_path / "r", other)
    assert "with tests.brain.test.count 40, not 80; images of brain.test brain 12ab, not 34cd: give table=" in str(refused.value)
    assert "part" not in str(refused.value)


def test_the_identity_of_a_row_does_not_change():
    """Tables that are there are continued: a column more or fewer would make all their rows again."""
    assert IDENTITY == ("method", "checkpoint", "train_data", "sinogram", "wedge_deg", "source", "noise_percent", "image", "seed")
    assert len(set(NAMES)) == len(NAMES)


def test_a_column_that_no_table_knows_is_kept(tmp_path):
    table = ResultsTable(tmp_path / "r")
    table.append([_row(0)])
    table.append([{**_row(1), "sharpness": 0.25, "said": "of a judge"}])
    table.append([_row(2)])
    again = ResultsTable(tmp_path / "r").rows
    assert again["sharpness"].fillna(-1).tolist() == [-1, 0.25, -1]
    assert again["said"].fillna("").tolist() == ["", "of a judge", ""]
    assert list(again)[: len(NAMES)] == list(NAMES)
    assert pd.read_csv(tmp_path / "r.csv")["sharpness"].fillna(-1).tolist() == [-1, 0.25, -1]
    assert ResultsTable(tmp_path / "r").summary()["sharpness"].tolist() == [0.25]
    assert metrics_of(again)[-1] == "sharpness"
    assert "sharpness" in means_table(again)
    assert column("sharpness").label == "sharpness"


def test_what_names_hid_are_columns_of_the_rows_that_are_read(tmp_path):
    older = pd.DataFrame([
        _row(method="lpd + data"), {**_row(method="lpd"), "train_data": "D2 (phantom faces for brain, ct)"}, {**_row(), "train_data": None},
    ]).assign(perceptual_index=None)  # fmt: skip
    older.to_parquet(tmp_path / "r.parquet")
    rows = ResultsTable(tmp_path / "r").rows
    assert rows["method"].tolist() == ["lpd + data", "lpd", "wbp"]
    assert rows["reconstructor"].tolist() == ["lpd", "lpd", "wbp"]
    assert rows["data_consistency"].tolist() == [True, False, False]
    assert rows["train_data"].tolist() == ["", "D2", ""]
    assert rows["stand_ins"].tolist() == ["", "brain, ct", ""]
    assert rows["perceptual_index"].dtype == float
    assert up_to_date(rows) is rows


def test_a_name_means_nothing_where_the_columns_tell():
    rows = up_to_date(pd.DataFrame([_row(method="lpd + data")]).assign(data_consistency=False, reconstructor="mine", stand_ins=""))
    assert (rows["data_consistency"][0], rows["reconstructor"][0]) == (False, "mine")
    both = pd.concat([rows, pd.DataFrame([_row(method="lpd + data")])], ignore_index=True)  # by somebody's own hand
    assert up_to_date(both)["data_consistency"].tolist() == [False, True]
    assert up_to_date(both)["reconstructor"].tolist() == ["mine", "lpd"]


def test_records_tell_stand_ins_as_they_do_now_and_as_they_did():
    assert training_of({"train_data": "D2", "stand_ins": ["brain", "ct"]}) == ("D2", "brain, ct")
    assert training_of({"train_data": "D2 (phantom faces for brain, ct)"}) == ("D2", "brain, ct")
    assert training_of({"train_data": "D1", "stand_ins": []}) == training_of({"train_data": "D1"}) == ("D1", "")


def test_what_cannot_be_written_is_not_taken_for_written(tmp_path, monkeypatch):
    table = ResultsTable(tmp_path / "r")
    table.append([_row(0)])

    def full(*given, **options):
        raise OSError("no space left")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", full)
    with pytest.raises(OSError, match="no space"):
        table.append([_row(1)])
    monkeypatch.undo()
    table.append([_row(1)])
    assert ResultsTable(tmp_path / "r").rows["image"].tolist() == [0, 1]
