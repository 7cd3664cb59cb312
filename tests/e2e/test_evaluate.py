"""mwgan-evaluate and mwgan-figures, from configuration to table to pictures."""

import shutil

import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir

from mwgan.cli.evaluate import _print_summary, evaluate
from mwgan.cli.figures import draw
from mwgan.errors import InputError
from mwgan.evaluation import ResultsTable
from mwgan.files.weights import find_weights, read_weights
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


def _evaluate_sources(folder, *overrides):
    """Two test sources, one of phantom faces and one of photographs that phantom faces stand in for."""
    cfg = _compose(
        "evaluate", "data=d3", "+source@tests.faces.test=phantom_faces", "+source@tests.faces.validation=phantom_faces",
        "+source@tests.dogs.test=dogs", "+source@tests.dogs.validation=dogs", "+tests.faces.test={count: 4, offset: 50}",
        "+tests.faces.validation={count: 2, offset: 60}", "tests.dogs.test={part: test, count: 4}",
        "tests.dogs.validation={part: validation, count: 2}", "data.missing=substitute", "paths.data=nowhere", f"table={folder}/results",
        "data.size=32", "step_deg=6", "wedges_deg=[40,80]", "tuning_images=2", "kept_images=1", "methods.sart=null",
        "methods.tvm.tune.weight=[0.001,0.01,0.3]", "methods.tvm.reconstructor.iterations=20", "checkpoints={net: irdm}", *overrides,
    )  # fmt: skip
    cfg.data.size = 64
    return evaluate(cfg)


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    return folder, _evaluate_sources(folder, "images=2").rows


def _kept(folder):
    return pd.read_parquet(folder / "results.tomograms.parquet")


def test_several_test_sources_are_in_one_table(sources):
    _, rows = sources
    assert rows.groupby(["source", "method"]).size().to_dict() == {
        (source, method): 4 for source in ("phantom_faces", "dogs (phantom faces)") for method in ("wbp", "tvm", "net")
    }
    faces, dogs = (rows[(rows["source"] == source) & (rows["method"] == "wbp")]["psnr"] for source in rows["source"].unique())
    assert set(faces).isdisjoint(dogs)


def test_a_network_s_training_seed_is_in_the_table_and_classical_methods_have_none(sources):
    _, rows = sources
    record, _ = read_weights(find_weights("irdm"))
    assert rows.loc[rows["method"] == "net", "train_seed"].eq(record["seed"]).all()
    assert rows.loc[rows["method"] != "net", "train_seed"].isna().all()


def test_a_network_s_best_and_worst_tomogram_of_each_source_are_kept(sources):
    folder, rows = sources
    kept = _kept(folder)
    net = rows[rows["method"] == "net"]
    for source, of_source in net.groupby("source"):
        for kept_as, place in (("best", of_source["nrmse"].idxmin()), ("worst", of_source["nrmse"].idxmax())):
            found = kept[(kept["source"] == source) & (kept["kept_as"] == kept_as)].set_index("method")
            assert sorted(found.index) == ["net", "truth"]
            assert found.loc["net", ["wedge_deg", "image"]].tolist() == net.loc[place, ["wedge_deg", "image"]].tolist()
            tomogram, truth = (np.frombuffer(found.loc[method, "pixels"], np.float16).astype(np.float32) for method in ("net", "truth"))
            assert ((tomogram - truth) ** 2).mean() ** 0.5 * 255 == pytest.approx(net.loc[place, "rmse_255"], rel=0.02)


def test_the_first_images_are_kept_of_every_method_and_source(sources):
    kept = _kept(sources[0])
    first = kept[kept["kept_as"] == "first"]
    assert len(first) == 2 * 2 * 4  # wedges, sources, methods and the truth
    assert first["image"].eq(0).all()


def test_evaluating_again_adds_no_row_and_keeps_nothing_twice(sources):
    folder, rows = sources
    before = _kept(folder)
    pd.testing.assert_frame_equal(_evaluate_sources(folder, "images=2").rows, rows)
    again = _kept(folder)
    identity = ["method", "source", "wedge_deg", "image", "kept_as"]
    pd.testing.assert_frame_equal(again.sort_values(identity, ignore_index=True), before.sort_values(identity, ignore_index=True))


def test_more_images_later_leave_a_network_one_best_and_one_worst_of_each_source(sources, tmp_path):
    for file in sources[0].iterdir():
        shutil.copy(file, tmp_path)
    rows = _evaluate_sources(tmp_path, "images=4").rows
    kept = _kept(tmp_path)
    ranked = kept[(kept["method"] == "net") & (kept["kept_as"] != "first")]
    assert sorted(ranked["kept_as"]) == ["best", "best", "worst", "worst"]
    for (source, kept_as), found in ranked.groupby(["source", "kept_as"]):
        net = rows[(rows["method"] == "net") & (rows["source"] == source)].sort_values("nrmse")
        expected = net.iloc[0 if kept_as == "best" else -1]
        assert found[["wedge_deg", "image"]].iloc[0].tolist() == expected[["wedge_deg", "image"]].tolist()
        truth = kept[(kept["method"] == "truth") & (kept["source"] == source) & (kept["kept_as"] == kept_as)]
        assert (truth[["wedge_deg", "image"]] == found[["wedge_deg", "image"]].iloc[0]).all(axis=1).any()


def test_the_summary_cuts_no_name_and_says_what_stood_in_for_training_images(sources, tmp_path, capsys):
    table = ResultsTable(tmp_path / "results")
    rows = sources[1].assign(stand_ins=lambda rows: rows["stand_ins"].where(rows["method"] != "net", "brain, ct"))
    table.rows = rows.replace({"net": "a_network_of_a_very_long_name_indeed"})
    _print_summary(table)
    out = capsys.readouterr().out
    assert "…" not in out
    assert out.count("a_network_of_a_very_long_name_indeed (phantom faces for brain, ct)") == 2
    assert "wbp (" not in out
    assert "phantom_faces: PSNR in dB" in out


def test_drawn_images_are_nobody_s(sources):
    assert sources[1]["subject"].isna().all()


def test_classical_methods_are_tuned_on_each_source_s_own_images(sources):
    trials = pd.read_csv(sources[0] / "results.tuning.csv")
    assert len(trials[trials["method"] == "tvm"]) == 2 * 2 * 3  # sources, wedges, weights


@pytest.mark.parametrize(("override", "named"), [("images=5", "images=5"), ("tuning_images=3", "tuning_images=3")])
def test_too_few_images_are_said_with_what_was_asked_for(tmp_path, override, named):
    with pytest.raises(InputError, match=rf"has \d images, fewer than {named}"):
        _evaluate_sources(tmp_path, "images=1", override)


def test_too_few_images_of_any_source_are_said_before_the_first_is_evaluated(tmp_path):
    with pytest.raises(InputError, match=r"dogs .* has 1 images"):
        _evaluate_sources(tmp_path, "images=2", "tests.dogs.test.count=1")
    assert not (tmp_path / "results.csv").exists()
