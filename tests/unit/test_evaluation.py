"""The loop that fills the results table: what it measures, what it asks of whom, and what is left when it is stopped."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from mwgan.acquisition import GaussianNoise
from mwgan.data import PhantomFaces
from mwgan.errors import InputError
from mwgan.evaluation import Conditions, Confidence, Method, ResultsTable, evaluate
from mwgan.evaluation.method import data_consistent
from mwgan.metrics import image_metrics
from mwgan.recon import SIRT, WBP
from mwgan.results.columns import IDENTITY

PROVENANCE = {"commit": "abc1234", "device": "CPU"}
IMAGES = 5


class Counted(PhantomFaces):
    """Phantom faces that remember how often each was drawn."""

    def __init__(self, **given):
        super().__init__(size=24, **given)
        self.drawn = []

    def image(self, index, rng):
        self.drawn.append(index)
        return super().image(index, rng)


@pytest.fixture
def test():
    return Counted(count=IMAGES)


@pytest.fixture
def validation():
    return Counted(count=3, offset=100)


def conditions(**given):
    return Conditions(**{"step_deg": 6.0, "wedges_deg": [40.0, 60.0], "noise": GaussianNoise(2.0), **given})


def methods():
    wbp = Method("wbp", WBP, {"filter": ["ramp", "hann"]})
    sirt = Method("sirt", SIRT, {"iterations": [3, 6]})
    network = Method("net", lambda: SIRT(4), checkpoint="net#1", train_data="D2", train_seed=7, stand_ins="ct")
    return [wbp, data_consistent(wbp, [0.1, 1.0]), sirt, network]


def fill(folder, test, validation, chosen=None, when=None, **given):
    table = ResultsTable(folder / "results")
    settings = {"images": IMAGES, "tuning_images": 2, "kept_images": 1, "batch_size": 2, **given}
    evaluate(methods() if chosen is None else chosen, test, validation, when or conditions(), table, PROVENANCE, **settings)
    return pd.read_parquet(folder / "results.parquet")


def test_images_are_drawn_once_for_all_methods_and_the_tuning_ones_too(tmp_path, test, validation):
    rows = fill(tmp_path, test, validation, when=conditions(sinograms=["missing", "complete"]))
    assert len(rows) == 4 * 2 * 2 * IMAGES
    extremes = 2  # the network's best and worst
    assert len(test.drawn) == 2 * 2 * IMAGES + extremes
    assert len(validation.drawn) == 2 * 2 * 2


def test_every_row_is_what_the_method_makes_of_that_image(tmp_path, test, validation):
    rows = fill(tmp_path, test, validation)
    chosen = {"sirt": {"iterations": 6}, "net": {}}
    for method in methods()[2:]:
        for wedge in (40.0, 60.0):
            for number in range(IMAGES):
                measurement, image, *_ = conditions().measure(test, [number], wedge, "cpu")
                psnr = float(image_metrics(method.make(**chosen[method.name])(measurement), image)["psnr"])
                found = rows[(rows["method"] == method.name) & (rows["wedge_deg"] == wedge) & (rows["image"] == number)]
                assert found["psnr"].tolist() == pytest.approx([psnr], abs=1e-3)
    assert not rows.duplicated(list(IDENTITY)).any()
    assert rows["seconds"].gt(0).all()


def test_what_a_method_is_made_of_is_in_columns(tmp_path, test, validation):
    rows = fill(tmp_path, test, validation).drop_duplicates("method").set_index("method")
    assert rows["reconstructor"].to_dict() == {"wbp": "wbp", "wbp + data": "wbp", "sirt": "sirt", "net": "net"}
    assert rows["data_consistency"].to_dict() == {"wbp": False, "wbp + data": True, "sirt": False, "net": False}
    assert (rows.loc["net", "train_data"], rows.loc["net", "stand_ins"], rows.loc["net", "train_seed"]) == ("D2", "ct", 7)
    kept = pd.read_parquet(tmp_path / "results.tomograms.parquet").drop_duplicates("method").set_index("method")
    assert kept.loc["wbp + data", ["reconstructor", "data_consistency"]].tolist() == ["wbp", True]
    assert kept.loc["truth", ["reconstructor", "train_data", "stand_ins"]].tolist() == ["truth", "", ""]


class Stops:
    """Reconstructs, and at its third batch is stopped."""

    calls = 0

    def __call__(self, measurement):
        Stops.calls += 1
        if Stops.calls == 4:  # the first was one image to warm up
            raise KeyboardInterrupt
        return WBP()(measurement)


def test_an_evaluation_that_is_stopped_keeps_what_it_has_and_makes_the_rest_later(tmp_path, test, validation):
    Stops.calls = 0
    chosen = [Method("wbp", WBP), Method("stops", Stops), Method("sirt", lambda: SIRT(3))]
    with pytest.raises(KeyboardInterrupt):
        fill(tmp_path, test, validation, chosen)
    before = pd.read_parquet(tmp_path / "results.parquet")
    assert before.groupby("method")["image"].apply(list).to_dict() == {"wbp": [0, 1, 2, 3, 4], "stops": [0, 1, 2, 3], "sirt": [0, 1, 2, 3]}
    assert set(pd.read_parquet(tmp_path / "results.tomograms.parquet")["method"]) == {"wbp", "truth", "stops", "sirt"}
    test.drawn.clear()
    rows = fill(tmp_path, test, validation, chosen)
    assert test.drawn == [4, 0, 1, 2, 3, 4]  # of the first wedge what lacked, then the second
    assert len(rows) == 3 * 2 * IMAGES
    assert not rows.duplicated(list(IDENTITY)).any()
    pd.testing.assert_frame_equal(rows.iloc[: len(before)], before)
    whole = fill(tmp_path / "at once", test, validation, chosen)
    key = ["method", "wedge_deg", "image"]
    pd.testing.assert_frame_equal(
        rows.sort_values(key, ignore_index=True).drop(columns="seconds"), whole.sort_values(key, ignore_index=True).drop(columns="seconds")
    )


def test_a_method_that_comes_later_is_alone_in_being_asked(tmp_path, test, validation):
    def refuse(measurement):
        raise AssertionError("its rows are there")

    fill(tmp_path, test, validation, [Method("wbp", WBP)], images=3)
    chosen = [Method("wbp", lambda: refuse), Method("sirt", lambda: SIRT(3))]
    rows = fill(tmp_path, test, validation, chosen, images=3)
    assert rows.groupby("method").size().to_dict() == {"sirt": 6, "wbp": 6}


def test_rows_of_an_earlier_version_are_not_made_again(tmp_path, test, validation):
    rows = fill(tmp_path, test, validation)
    older = rows.drop(columns=["reconstructor", "data_consistency", "stand_ins"])
    message = older["train_data"].where(older["method"] != "net", "D2 (phantom faces for ct)")
    older.assign(train_data=message, perceptual_index=None).to_parquet(tmp_path / "results.parquet")
    kept = pd.read_parquet(tmp_path / "results.tomograms.parquet")
    kept.drop(columns=["reconstructor", "data_consistency", "stand_ins"]).to_parquet(tmp_path / "results.tomograms.parquet")
    test.drawn.clear()
    table = ResultsTable(tmp_path / "results")
    evaluate(methods(), test, validation, conditions(), table, PROVENANCE, images=IMAGES, tuning_images=2, kept_images=1)
    assert len(test.drawn) == 2  # best and worst
    assert len(table.rows) == len(rows)
    grown = fill(tmp_path, Counted(count=IMAGES + 1), validation, images=IMAGES + 1)
    assert len(grown) == 4 * 2 * (IMAGES + 1)
    assert not grown.duplicated([name for name in IDENTITY if name != "train_data"]).any()
    message = grown[["method", "train_data", "reconstructor", "data_consistency", "stand_ins"]].drop_duplicates().set_index("method")
    assert message.loc["wbp + data"].tolist() == ["", "wbp", True, ""]
    assert message.loc["net"].tolist() == ["D2", "net", False, "ct"]
    assert len(message) == 4


def test_networks_alone_are_asked_for_their_uncertainty(tmp_path, test, validation):
    rows = fill(tmp_path, test, validation, confidence=Confidence(folds=0), images=2)
    asked = rows["method"] == "net"
    columns = ["band_scale", "coverage", "rank_correlation", "ause"]
    assert rows.loc[asked, columns].notna().all(axis=None)
    assert rows.loc[~asked, columns].isna().all(axis=None)
    assert rows.loc[asked].groupby("wedge_deg")["band_scale"].nunique().eq(1).all()


def brightest(tomogram, image, measurement):
    assert tomogram.shape == image.shape == (len(measurement.sinogram), 1, 24, 24)
    return tomogram.amax(dim=(1, 2, 3))


def test_what_others_measure_is_a_column(tmp_path, test, validation):
    rows = fill(tmp_path, test, validation, [Method("wbp", WBP)], metrics={"brightest": brightest})
    measurement = conditions().measure(test, [3], 60.0, "cpu").given
    found = rows[(rows["image"] == 3) & (rows["wedge_deg"] == 60)]["brightest"].tolist()
    assert found == pytest.approx([float(WBP()(measurement).max())], rel=1e-5)
    assert "brightest" in ResultsTable(tmp_path / "results").summary()
    assert "brightest" in pd.read_csv(tmp_path / "results.csv")


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ({"flat": lambda *given: torch.zeros(())}, r"flat returns a tensor of \(\) for 2 images"),
        ({"listed": lambda *given: [1.0, 2.0]}, "listed returns list"),
        ({"psnr": brightest}, "has its own column psnr"),
    ],
)
def test_a_metric_that_gives_no_value_an_image_is_refused(tmp_path, test, validation, metrics, said):
    with pytest.raises(InputError, match=said):
        fill(tmp_path, test, validation, [Method("wbp", WBP)], metrics=metrics)


def test_the_first_images_are_kept_whatever_the_batch(tmp_path, test, validation):
    fill(tmp_path, test, validation, [Method("wbp", WBP)], kept_images=3)
    kept = pd.read_parquet(tmp_path / "results.tomograms.parquet")
    assert kept.groupby("method")["image"].apply(list).to_dict() == {"truth": [0, 1, 2] * 2, "wbp": [0, 1, 2] * 2}
    measurement = conditions().measure(test, [2], 60.0, "cpu").given
    last = np.frombuffer(kept[kept["method"] == "wbp"]["pixels"].iloc[-1], np.float16)
    np.testing.assert_allclose(last, WBP()(measurement).numpy().ravel(), atol=2e-3)
