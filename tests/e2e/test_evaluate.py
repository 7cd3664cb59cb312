"""mwgan-evaluate and mwgan-figures, from configuration to table to pictures."""

import pandas as pd
import pytest
from hydra import compose, initialize_config_dir

from mwgan.cli.evaluate import evaluate
from mwgan.cli.figures import draw
from mwgan.errors import InputError
from mwgan.paths import conf_dir


def _compose(name, *overrides):
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return compose(name, overrides=list(overrides))


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("evaluate") / "results"
    cfg = _compose(
        "evaluate", f"table={path}", "data.size=32", "step_deg=6", "wedges_deg=[40,80]", "images=3", "tuning_images=2", "kept_images=1",
        "methods.sart.tune.iterations=[2,5]", "methods.tvm.tune.weight=[0.01,0.03]", "methods.tvm.reconstructor.iterations=40",
        "sinograms=[missing,complete]", "checkpoints={net: irdm}",
    )  # fmt: skip
    cfg.data.size = 64
    return cfg, evaluate(cfg)


def test_every_method_wedge_and_image_has_one_row(table):
    rows = table[1].rows
    assert len(rows) == 4 * 2 * 2 * 3
    assert not rows.duplicated(["method", "sinogram", "wedge_deg", "image"]).any()
    assert rows[["psnr", "ssim", "nrmse", "rmse_255", "seconds"]].notna().all(axis=None)
    assert rows.loc[rows["method"] == "net", "train_data"].eq("D1").all()
    assert rows.loc[rows["method"] == "net", "checkpoint"].str.match(r"irdm#[0-9a-f]{8}$").all()


def test_a_missing_wedge_costs_every_method_quality(table):
    psnr = table[1].rows.groupby(["method", "sinogram", "wedge_deg"])["psnr"].mean()
    for method in ("wbp", "sart", "tvm"):
        assert psnr[method, "complete", 80.0] > psnr[method, "missing", 40.0] > psnr[method, "missing", 80.0]


def test_what_was_tuned_is_recorded(table):
    trials = pd.read_csv(f"{table[0].table}.tuning.csv")
    assert set(trials["method"]) == {"wbp", "sart", "tvm"}
    assert len(trials[trials["method"] == "tvm"]) == 3 * 2  # wedges 0, 40 and 80, two weights each


def test_a_second_evaluation_adds_nothing(table):
    cfg, before = table
    again = evaluate(cfg)
    pd.testing.assert_frame_equal(again.rows, before.rows)


def test_figures_are_drawn_from_the_table_alone(table, tmp_path):
    files = draw(
        _compose("figures", f"table={table[0].table}", f"folder={tmp_path}", "figures=[comparison_panel,nrmse_by_wedge,psnr_by_wedge]")
    )
    assert [file.name for file in files] == ["comparison_panel.png", "nrmse_by_wedge.png", "psnr_by_wedge.png"]
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)


@pytest.mark.parametrize("override", ["figures=[fig99]", "image=50", "table=nowhere/results"])
def test_what_cannot_be_drawn_is_said(table, tmp_path, override):
    with pytest.raises(InputError):
        draw(_compose("figures", f"table={table[0].table}", f"folder={tmp_path}", override))
