"""What the report of a sweep is made of: its jobs as far as they are there, the parts of a log, tables that may be broken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mwgan.errors import InputError
from mwgan.runs import folder as jobs
from mwgan.runs.report import read_log, write_report, write_training_curves


def logged(run: Path, epochs: range, name: str = "metrics") -> None:
    (run / "csv").mkdir(parents=True, exist_ok=True)
    rows = pd.DataFrame({"epoch": epochs, "val/psnr": 20.0 + np.arange(len(epochs)), "val/ssim": 0.5})
    rows.to_csv(run / "csv" / f"{name}.csv", index=False)


def test_the_parts_of_a_log_are_read_in_the_order_they_were_written(tmp_path):
    logged(tmp_path, range(9, 11), "metrics_10")
    logged(tmp_path, range(3, 5), "metrics_9")
    logged(tmp_path, range(11, 12))
    assert read_log(tmp_path)["epoch"].tolist() == [3, 4, 9, 10, 11]
    (tmp_path / "csv" / "metrics.csv").write_text("")  # resumed just now
    assert read_log(tmp_path)["epoch"].tolist() == [3, 4, 9, 10]


def test_a_run_without_a_log_has_none_to_read(tmp_path):
    with pytest.raises(ValueError, match="No objects"):
        read_log(tmp_path)


def test_a_report_shows_jobs_as_far_as_they_have_come(tmp_path):
    for number in range(3):
        (tmp_path / str(number)).mkdir()
        jobs.record_start(tmp_path / str(number), [f"seed={number}"])
    logged(tmp_path / "0", range(2))
    jobs.record_end(tmp_path / "0", ["seed=0"], {})
    (tmp_path / "0" / "panels").mkdir()
    for name, content in (("epoch_002", b"an earlier one"), ("epoch_010", b"the latest")):
        (tmp_path / "0" / "panels" / f"{name}.png").write_bytes(content)
    (tmp_path / "1" / "csv").mkdir()
    (tmp_path / "1" / "csv" / "metrics.csv").write_text("epoch,val/psnr\n,\n")  # no epoch is over
    file = write_report(tmp_path)
    assert file == tmp_path / "report.html"
    text = file.read_text(encoding="utf-8")
    assert "3 runs: 1 finished, 2 not finished" in text
    assert "dGhlIGxhdGVzdA==" in text  # base64 of the latest panel
    assert "before the first epoch was over: jobs 1, 2." in text


def test_a_folder_without_jobs_and_a_broken_table_are_refused(tmp_path):
    with pytest.raises(InputError, match="holds no job of a sweep"):
        write_report(tmp_path)
    (tmp_path / "0").mkdir()
    jobs.record_start(tmp_path / "0", [])
    (tmp_path / "results.parquet").write_text("no table")
    with pytest.raises(InputError, match=rf"mwgan-evaluate sweep={tmp_path} makes a new one"):
        write_report(tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_a_report_is_copied_where_it_is_wanted(tmp_path):
    (tmp_path / "sweep" / "0").mkdir(parents=True)
    jobs.record_start(tmp_path / "sweep" / "0", [])
    copy = write_report(tmp_path / "sweep", tmp_path / "new" / "folder")
    assert copy == tmp_path / "new" / "folder" / "report.html"
    assert copy.read_bytes() == (tmp_path / "sweep" / "report.html").read_bytes()


def test_the_curves_of_a_run_are_drawn_into_it_or_elsewhere(tmp_path):
    (tmp_path / "run" / "csv").mkdir(parents=True)
    rows = pd.DataFrame({"epoch": [0, 1], "step": [9, 19], "val/psnr": [20.0, 21.0], "val/ssim": 0.5, "train/pixel_loss": [0.2, 0.1]})
    rows.to_csv(tmp_path / "run" / "csv" / "metrics.csv", index=False)
    for folder in (None, tmp_path / "elsewhere"):
        file = write_training_curves(tmp_path / "run", folder)
        assert file == (folder or tmp_path / "run") / "training_curves.png"
        assert file.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match=r"holds no csv/metrics\.csv of a training"):
        write_training_curves(tmp_path)
