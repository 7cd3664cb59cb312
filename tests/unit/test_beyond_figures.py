"""Figures of tables that hold several noise levels, methods with data consistency, and the challenge."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from mwgan.errors import InputError
from mwgan.figures import honesty, means_table, metric_grid
from mwgan.figures.parts.style import label, look
from mwgan.results.reading import up_to_date
from mwgan.results.selection import choose, of_one_noise


def table(**columns: object) -> pd.DataFrame:
    keys = itertools.product(["tvm", "tvm + data", "lpd"], ["brain", "faces"], [0.0, 2.0], [30.0, 60.0], range(3))
    rows = pd.DataFrame(list(keys), columns=["method", "source", "noise_percent", "wedge_deg", "image"])
    return rows.assign(sinogram="missing", seed=0, train_data="", psnr=np.arange(len(rows), dtype=float), **columns)


def test_means_are_over_images_alone():
    rows = table(residual=0.5, omission=np.nan)
    means = means_table(rows)
    assert len(means) == 3 * 2 * 2 * 2
    assert list(means["source"].drop_duplicates()) == ["brain", "faces"]
    first = means[(means["source"] == "brain") & (means["noise_percent"] == 0) & (means["wedge_deg"] == 30) & (means["method"] == "tvm")]
    assert first["psnr"].tolist() == [1.0]
    assert first["images"].tolist() == [3]
    assert "omission" not in means
    assert means["residual"].eq(0.5).all()


def test_a_grid_has_axes_for_every_source_and_noise_and_a_line_for_every_method():
    figure = metric_grid(table(), "psnr")
    assert len(figure.axes) == 4
    for axis in figure.axes:
        assert len(axis.get_lines()) == 3
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["TVM", "TVM + data", "LPD"]
    line = next(line for line in figure.axes[0].get_lines() if line.get_label() == "TVM")
    np.testing.assert_allclose(line.get_ydata(), [1.0, 4.0])


def test_a_grid_leaves_out_what_was_not_evaluated():
    rows = table()
    figure = metric_grid(rows[(rows["source"] == "brain") | (rows["noise_percent"] == 0)], "psnr")
    assert [axis.axison for axis in figure.axes] == [True, True, True, False]  # brain and faces without noise, brain with it


def test_a_corrected_method_has_the_colour_of_its_own_and_another_line():
    styles = look(up_to_date(pd.DataFrame({"method": ["tvm", "tvm + data", "mine", "mine + data"]})))
    assert styles["tvm"]["color"] == styles["tvm + data"]["color"]
    assert styles["mine"]["color"] == styles["mine + data"]["color"] != styles["tvm"]["color"]
    assert (styles["tvm"]["linestyle"], styles["tvm + data"]["linestyle"]) == ("-", "--")
    assert label("tvm", data_consistency=True) == "TVM + data"


def test_a_noise_level_is_chosen_or_asked_for():
    rows = table()
    assert choose(rows, noise_percent=2.0)["noise_percent"].unique().tolist() == [2.0]
    with pytest.raises(InputError, match=r"it has 0\.0, 2\.0"):
        choose(rows, noise_percent=5.0)
    with pytest.raises(InputError, match="noise_percent"):
        of_one_noise(rows)


def test_rates_are_drawn_by_kind_and_for_all():
    rows = table()[lambda rows: (rows["wedge_deg"] == 60) & (rows["noise_percent"] == 2) & (rows["source"] == "brain")]
    rows = rows.assign(subject=[f"{kind} {image}" for image, kind in zip(rows["image"], ["crack", "dots", "nothing"] * 3, strict=True)])
    rows = rows.assign(omission=np.where(rows["image"] == 2, np.nan, 0.25), hallucination=0.1 * rows["image"])
    upper, lower = honesty(rows).axes
    assert [text.get_text() for text in lower.get_xticklabels()] == ["crack", "dots", "nothing", "all"]
    heights = [bar.get_height() for bar in upper.containers[0]]
    np.testing.assert_allclose(heights, [25.0, 25.0, np.nan, 25.0])
    np.testing.assert_allclose([bar.get_height() for bar in lower.containers[0]], [0.0, 10.0, 20.0, 10.0], atol=1e-9)


def test_a_table_without_known_features_has_no_rates_to_draw():
    with pytest.raises(InputError, match="challenge"):
        honesty(table(omission=np.nan, subject=""))
