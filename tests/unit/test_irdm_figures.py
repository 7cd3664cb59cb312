"""The figures and tables of IRDM 2020, from a table of several sources and trainings, and what stands in them."""

from __future__ import annotations

import itertools
import shutil

import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from matplotlib.colors import to_rgba
from matplotlib.text import Text

from mwgan import figures
from mwgan.cli.figures import draw, recorded_of
from mwgan.errors import InputError
from mwgan.figures.best_and_worst import best_and_worst, caption, extremes
from mwgan.figures.parts.spectrum import log_magnitude
from mwgan.figures.registry import drawings
from mwgan.methods import known_methods
from mwgan.paths import conf_dir
from mwgan.results.kept import decode
from mwgan.results.means import means_over_sources
from mwgan.results.selection import choose, first_images, of_one_source, of_one_training

LABELS = {entry.name: entry.label for entry in known_methods().values()}
COLORS = {entry.name: entry.color for entry in known_methods().values()}
SIZE = 16
WEDGES = (35.0, 40.0, 45.0, 50.0, 55.0, 60.0, 70.0, 80.0)
SOURCES = {"phantom_faces": 1.0, "brain": 2.0}  # how much harder the source is
NETWORKS = tuple(f"irdm_d{number}" for number in range(1, 7))
METHODS = ("wbp", "sart", "tvm", *NETWORKS)
SEEDS = (3, 5)
EXPERIMENTS = ("claims", "fig2", "fig3", "fig4a", "fig4b", "fig4cd", "fig6", "figs1")


def row(method, source, wedge_deg, image, nrmse, train_seed=np.nan):
    trained = not np.isnan(train_seed)
    return {
        "method": method, "checkpoint": f"{method}/{train_seed:g}#a" if trained else "", "train_data": "D" if trained else "",
        "sinogram": "missing", "wedge_deg": wedge_deg, "source": source, "noise_percent": 0.0, "image": image, "seed": 0,
        "train_seed": train_seed, "psnr": 20 - 20 * np.log10(nrmse), "ssim": 1 - nrmse / 4, "nrmse": nrmse,
        "rmse_255": 100 * nrmse, "seconds": 0.1, "commit": "abc1234", "device": "CPU",
    }  # fmt: skip


def study():
    """NRMSE is known: a method's rank, a source's difficulty, the wedge and a little for the seed and the image."""
    rows = []
    for (rank, method), (source, hard), wedge, image in itertools.product(enumerate(METHODS), SOURCES.items(), WEDGES, range(3)):
        for seed in SEEDS if method in NETWORKS else (np.nan,):
            nrmse = hard * (0.5 - 0.03 * rank + wedge / 1000) + 0.002 * image + (0.004 if seed == SEEDS[1] else 0)
            rows.append(row(method, source, wedge, image, nrmse, seed))
    return pd.DataFrame(rows)


def kept(results, images=2):
    """Tomograms of the first images, told apart by their pixels, then each network's best and worst of each source."""
    first = results[results["image"] < images].assign(kept_as="first")
    sets = [first]
    for _, group in results[results["method"].isin(NETWORKS)].groupby(["method", "source", "train_seed"]):
        sets += [group.loc[[group["nrmse"].idxmin()]].assign(kept_as="best"), group.loc[[group["nrmse"].idxmax()]].assign(kept_as="worst")]
    rows = []
    for place, (_, one) in enumerate(pd.concat(sets).iterrows()):
        identity = one[["checkpoint", "train_data", "sinogram", "wedge_deg", "source", "noise_percent", "image", "seed", "kept_as"]]
        shade = {"first": 0.3, "best": 0.9, "worst": 0.1}[one["kept_as"]]
        pictures = {one["method"]: np.full((SIZE, SIZE), shade + place * 1e-4), "truth": truth_of(one["source"], one["image"])}
        for method, pixels in pictures.items():
            seed = np.nan if method == "truth" else one["train_seed"]
            rows.append({**identity, "method": method, "train_seed": seed, "size": SIZE, "pixels": pixels.astype(np.float16).tobytes()})
    return pd.DataFrame(rows)


def truth_of(source, image):
    return np.random.default_rng([len(source), int(image)]).random((SIZE, SIZE)).astype(np.float16).astype(np.float32)


@pytest.fixture(scope="module")
def results():
    return study()


@pytest.fixture(scope="module")
def tomograms(results):
    return kept(results)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory, results, tomograms):
    """The path of the study's table on disk."""
    folder = tmp_path_factory.mktemp("irdm2020")
    results.to_parquet(folder / "results.parquet")
    tomograms.to_parquet(folder / "results.tomograms.parquet")
    return folder / "results"


def configured(*overrides):
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return compose("figures", overrides=list(overrides))


def words(figure):
    return " | ".join(text.get_text() for text in figure.findobj(Text) if text.get_text())


def lines(axis):
    return {line.get_label(): line.get_xydata() for line in axis.lines}


def band(axis, color):
    """The lowest and highest y of a colour's band at its first x."""
    collection = next(found for found in axis.collections if to_rgba(found.get_facecolor()[0])[:3] == to_rgba(color)[:3])
    vertices = collection.get_paths()[0].vertices
    first = vertices[vertices[:, 0] == vertices[:, 0].min()][:, 1]
    return first.min(), first.max()


# Which rows are drawn.


def test_a_source_is_chosen_and_the_others_are_named(results):
    assert set(choose(results, source="brain")["source"]) == {"brain"}
    with pytest.raises(InputError, match=r"test_source=nbia: it has brain, phantom_faces"):
        choose(results, source="nbia")
    with pytest.raises(InputError, match=r"one test source.*brain, phantom_faces: choose one \(test_source="):
        of_one_source(results)


def test_methods_come_in_the_order_asked_for_and_the_truth_stays(tomograms):
    chosen = choose(tomograms, methods=["irdm_d2", "tvm"])
    assert list(dict.fromkeys(chosen["method"])) == ["truth", "irdm_d2", "tvm"]
    with pytest.raises(InputError, match=r"no method irdm_d9: it has irdm_d1, .*wbp"):
        choose(tomograms, methods=["tvm", "irdm_d9"])


def test_a_training_is_chosen_and_what_needs_none_stays(results):
    chosen = choose(results, train_seed=5)
    assert set(chosen["method"]) == set(METHODS)
    assert set(chosen["train_seed"].dropna()) == {5}
    with pytest.raises(InputError, match="train_seed=4: it has 3, 5"):
        choose(results, train_seed=4)
    with pytest.raises(InputError, match="it has none"):
        choose(results.drop(columns="train_seed"), train_seed=4)


def test_figures_of_images_take_the_lowest_seed_of_each_network(results):
    mixed = results[~((results["method"] == "irdm_d1") & (results["train_seed"] == 3))]
    lowest = of_one_training(mixed).groupby("method")["train_seed"].unique()
    assert lowest["irdm_d1"].tolist() == [5]
    assert lowest["irdm_d2"].tolist() == [3]
    assert np.isnan(lowest["tvm"]).all()


def test_best_and_worst_images_are_not_taken_for_the_first(tomograms):
    assert set(first_images(tomograms)["kept_as"]) == {"first"}
    older = tomograms.drop(columns="kept_as")
    assert first_images(older) is older
    assert len(first_images(tomograms.assign(kept_as=np.nan))) == len(tomograms)


def test_what_is_drawn_from_a_file_are_the_first_images_of_one_source_and_training(recorded):
    table = recorded_of(configured(f"table={recorded}", "test_source=brain", "wedges_deg=[80]"))
    assert set(table.tomograms["source"]) == {"brain"}
    assert table.images == [0, 1]
    assert decode(table.tomograms[table.tomograms["method"] == "irdm_d1"].iloc[-1]).max() < 0.6  # best is 0.9, worst 0.1
    assert decode(table.tomograms[table.tomograms["method"] == "irdm_d1"].iloc[-1]).min() > 0.2
    assert set(table.shown["train_seed"].dropna()) == {3}
    assert set(table.results["train_seed"].dropna()) == {3, 5}
    assert "train_seed" not in table.metrics
    asked = recorded_of(configured(f"table={recorded}", "test_source=brain", "train_seed=5"))
    assert set(asked.tomograms["train_seed"].dropna()) == {5}


def test_a_figure_of_images_asks_for_a_source_and_one_against_the_wedge_does_not(recorded, tmp_path):
    asked = [f"table={recorded}", f"folder={tmp_path}", "wedges_deg=[40]"]
    for name in ("comparison_panel", "details", "spectra", "wbp_spectra", "images_by_method", "wedge"):
        with pytest.raises(InputError, match="brain, phantom_faces: choose one"):
            draw(configured(*asked, f"figures=[{name}]"))
    assert draw(configured(*asked, "figures=[nrmse_by_wedge,psnr_ssim]"))
    assert draw(configured(*asked, "figures=[comparison_panel,wbp_spectra]", "test_source=brain"))


# Figures.


def test_the_panel_shows_the_methods_asked_for_with_the_scores_of_the_training_shown(recorded, results):
    table = recorded_of(configured("experiment=irdm2020/figures/fig3", f"table={recorded}"))
    figure = drawings(table, ["comparison_panel"], {}, None)["comparison_panel"]()
    assert [axis.get_title() for axis in figure.axes[:5]] == ["truth", "WBP", "SART", "TVM", "IRDM, D2"]
    ylabels = [axis.get_ylabel() for axis in figure.axes if axis.get_ylabel()]
    assert ylabels == [f"wedge {wedge}°" for wedge in (40, 50, 60, 70, 80)]
    np.testing.assert_array_equal(np.asarray(figure.axes[0].images[0].get_array()), truth_of("brain", 0))
    own = results[
        (results["source"] == "brain") & (results["method"] == "irdm_d2") & (results["image"] == 0) & (results["wedge_deg"] == 40)
    ]
    first = own[own["train_seed"] == 3].iloc[0]
    assert figure.axes[9].get_xlabel() == f"{first['psnr']:.1f} dB / {first['ssim']:.2f}"


def test_means_weigh_sources_alike_and_leave_out_what_lacks_one(results):
    few = results[~((results["source"] == "brain") & (results["image"] > 0))]  # one image of brain, three of phantom_faces
    means = means_over_sources(few, "nrmse").set_index(["method", "wedge_deg"])["nrmse"]
    tvm = few[(few["method"] == "tvm") & (few["wedge_deg"] == 40)]
    assert means["tvm", 40.0] == pytest.approx(tvm.groupby("source")["nrmse"].mean().mean())
    partly = results[~((results["source"] == "brain") & (results["method"] == "tvm") & (results["wedge_deg"] > 60))]
    lacking = means_over_sources(partly, "nrmse")
    assert lacking.loc[lacking["method"] == "tvm", "wedge_deg"].max() == 60
    assert lacking.loc[lacking["method"] == "sart", "wedge_deg"].max() == 80


def test_bands_run_over_trainings_where_there_are_several_else_over_images(results):
    figure = figures.metric_by_wedge(choose(results, methods=["tvm", "irdm_d1"]), "nrmse", trained_deg=[40, 60])
    axis = figure.axes[0]
    at_35 = results[results["wedge_deg"] == 35]
    trainings = at_35[at_35["method"] == "irdm_d1"].groupby("train_seed")["nrmse"].mean()
    np.testing.assert_allclose(band(axis, COLORS["irdm_d1"]), (trainings.min(), trainings.max()))
    images = at_35.loc[at_35["method"] == "tvm", "nrmse"]
    np.testing.assert_allclose(band(axis, COLORS["tvm"]), images.quantile([0.25, 0.75]))
    assert lines(axis)["IRDM, D1"][0].tolist() == pytest.approx([35, trainings.mean()])
    assert "mean over 2 sources (phantom_faces, brain), 6 images" in axis.get_title()
    assert "lowest to highest of 2 trainings, else the middle half" in axis.get_title()
    shaded = axis.patches[0].get_extents().transformed(axis.transData.inverted())
    assert (shaded.x0, shaded.x1) == (40, 60)


def test_an_older_table_is_drawn_and_titled_as_before(results):
    older = choose(results, source="brain", train_seed=3).drop(columns="train_seed")
    axis = figures.metric_by_wedge(older, "psnr").axes[0]
    assert axis.get_title() == "brain, 3 images, noise 0 %"
    assert not axis.patches
    own = older[older["method"] == "irdm_d4"].groupby("wedge_deg")["psnr"]
    np.testing.assert_array_equal(lines(axis)["IRDM, D4"][:, 1], own.mean())
    np.testing.assert_allclose(band(axis, COLORS["irdm_d4"]), own.quantile([0.25, 0.75])[35])


def test_many_methods_have_their_legend_beside_the_lines(results):
    assert figures.metric_by_wedge(results).legends
    few = figures.metric_by_wedge(choose(results, methods=["tvm", "irdm_d1"]))
    assert not few.legends
    assert few.axes[0].get_legend()


def test_bars_are_means_of_sources_with_the_range_of_trainings(results):
    rows = results[results["wedge_deg"].between(40, 60) & results["method"].isin(["tvm", "irdm_d1"])]
    figure = figures.quality_bars(rows)
    above, below = figure.axes
    assert [text.get_text() for text in below.get_xticklabels()] == ["mean of the sources", "phantom_faces", "brain"]
    heights = [bar.get_height() for bar in above.patches]
    by_source = rows.groupby(["method", "source"])["psnr"].mean()
    expected = [
        by_source[method].mean() if group is None else by_source[method][group]
        for group in (None, *SOURCES)
        for method in ("tvm", "irdm_d1")
    ]
    np.testing.assert_allclose(heights, expected)
    ends = [container.lines[2][0].get_segments()[0][:, 1] for container in above.containers if hasattr(container, "lines")]
    seeds = rows[(rows["method"] == "irdm_d1") & (rows["source"] == "brain")].groupby("train_seed")["psnr"].mean()
    np.testing.assert_allclose(ends[-1], sorted(seeds))
    images = rows[(rows["method"] == "tvm") & (rows["source"] == "brain")].groupby("image")["psnr"].mean()
    assert np.ptp(ends[-2]) == pytest.approx(2 * images.sem())
    assert "wedges 40°, 45°, 50°, 55°, 60°" in words(figure)


def of_subjects(results, brain, phantom_faces=""):
    """The rows with a subject each: of an image of brain ``brain[image]``, of a drawn image none."""
    own = [brain[image] if source == "brain" else phantom_faces for source, image in zip(results["source"], results["image"], strict=True)]
    return results.assign(subject=own)


def test_bars_have_errors_between_subjects_and_none_of_fewer_than_three(results):
    rows = choose(of_subjects(results, ["a", "a", "b"]), methods=["tvm"])
    figure = figures.quality_bars(rows)
    errors = [container for container in figure.axes[0].containers if hasattr(container, "lines")]
    assert len(errors) == 1  # of phantom_faces: brain is of two subjects, so that the mean of both has no error either
    assert "brain of 2 subjects" in words(figure)
    assert "standard error between subjects" in " ".join(words(figure).split())  # which a line may end in
    two_poses = pd.concat([rows, rows.assign(image=rows["image"] + 3, psnr=rows["psnr"] + 0.5)])
    measured = choose(of_subjects(two_poses, ["a", "b", "c"] * 2), source="brain")
    figure = figures.quality_bars(measured)
    assert "brain, 6 images of 3 subjects" in words(figure)
    (error,) = (container for container in figure.axes[0].containers if hasattr(container, "lines"))
    ends = error.lines[2][0].get_segments()[0][:, 1]
    assert np.ptp(ends) == pytest.approx(2 * measured.groupby("subject")["psnr"].mean().sem())


def test_a_method_without_a_source_has_no_bar_for_the_mean(results):
    rows = results[(results["wedge_deg"] == 50) & ~((results["method"] == "tvm") & (results["source"] == "brain"))]
    above = figures.quality_bars(choose(rows, methods=["sart", "tvm"])).axes[0]
    assert [round(bar.get_x()) for bar in above.patches] == [0, 1, 1, 2]
    one = figures.quality_bars(choose(rows, source="brain", methods=["sart"])).axes[1]
    assert [text.get_text() for text in one.get_xticklabels()] == ["brain"]


def test_ranges_of_training_are_bars_below_both_panels(results):
    ranges = {"irdm_d3": [40, 60], "irdm_d5": [47.5, 52.5], "irdm_d9": [0, 1]}
    rows = choose(results, methods=["tvm", "irdm_d3", "irdm_d5"])
    figure = figures.training_ranges(rows, ranges, [45, 65])
    whole, enlarged, *strips = figure.axes
    assert whole.get_xlim() == (34, 81)
    assert enlarged.get_xlim() == (44.5, 65.5)
    for strip in strips:
        assert [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in strip.patches] == [(40, 60), (47.5, 52.5)]
        assert [text.get_text() for text in strip.get_yticklabels()] == ["IRDM, D3", "IRDM, D5"]
        assert to_rgba(strip.patches[0].get_facecolor()) == to_rgba(COLORS["irdm_d3"])
    assert "TVM lies above, from" in words(figure)
    steeper = rows["nrmse"].where(rows["method"] != "tvm", rows["nrmse"] * np.where(rows["wedge_deg"] > 50, 2.0, 0.8))
    partly = figures.training_ranges(rows.assign(nrmse=steeper), ranges, [45, 65])
    assert "TVM continues above, to" in words(partly)
    low, high = enlarged.get_ylim()
    inside = means_over_sources(rows, "nrmse").query("45 <= wedge_deg <= 65 and method != 'tvm'")["nrmse"]
    assert low < inside.min() < inside.max() < high
    with pytest.raises(InputError, match="ranges_deg="):
        figures.training_ranges(rows, {}, [45, 65])
    with pytest.raises(InputError, match="zoom_deg="):
        figures.training_ranges(rows, ranges, [1, 2])


# The minimum inclusion matrix.


def matrix_of(*cells):
    """A table of one source and wedge from (method, train_seed, NRMSE of each image)."""
    return pd.DataFrame(
        [row(method, "brain", 50.0, image, nrmse, seed) for method, seed, images in cells for image, nrmse in enumerate(images)]
    )


def test_the_matrix_holds_means_and_the_lowest_of_each_row(results):
    table = figures.inclusion_matrix_table(results)
    assert list(table.columns) == ["source", "wedge_deg", *METHODS, "best", "tied", "train_data"]
    assert list(zip(table["source"], table["wedge_deg"], strict=True)) == list(itertools.product(SOURCES, WEDGES))
    means = results.groupby(["source", "wedge_deg", "method"])["nrmse"].mean().unstack()
    np.testing.assert_allclose(table.set_index(["source", "wedge_deg"])[list(METHODS)].sort_index(), means[list(METHODS)])
    assert (table["best"] == "irdm_d6").all()
    assert (table["tied"] == "").all()


def test_what_is_within_the_spread_of_trainings_is_tied():
    table = figures.inclusion_matrix_table(
        matrix_of(
            ("tvm", np.nan, [0.40, 0.40]),
            ("irdm_d1", 0, [0.20, 0.20]), ("irdm_d1", 1, [0.24, 0.24]),
            ("irdm_d2", 0, [0.21, 0.21]), ("irdm_d2", 1, [0.21, 0.21]),
            ("irdm_d3", 0, [0.26, 0.26]), ("irdm_d3", 1, [0.26, 0.26]),
        )
    )  # fmt: skip
    assert table["best"][0] == "irdm_d2"
    assert table["tied"][0] == "irdm_d1"  # 0.01 worse, and its two trainings are 0.04 apart
    assert table["tvm"][0] == pytest.approx(0.40)


def test_what_is_within_the_paired_standard_error_is_tied():
    wavering = matrix_of(("tvm", np.nan, [0.30, 0.20, 0.25]), ("sart", np.nan, [0.20, 0.31, 0.25]), ("wbp", np.nan, [0.31, 0.21, 0.26]))
    table = figures.inclusion_matrix_table(wavering)
    assert (table["best"][0], table["tied"][0]) == ("tvm", "sart")  # WBP is worse by as little, but on every image
    single = figures.inclusion_matrix_table(matrix_of(("tvm", np.nan, [0.3]), ("sart", np.nan, [0.31])))
    assert single["tied"][0] == ""


def test_poses_of_a_subject_are_no_independent_samples():
    images = [0.20, 0.31, 0.25, 0.20, 0.31, 0.25]
    wavering = matrix_of(("tvm", np.nan, [0.30, 0.20, 0.25] * 2), ("sart", np.nan, images), ("wbp", np.nan, [0.31, 0.21, 0.26] * 2))
    assert figures.inclusion_matrix_table(wavering)["tied"][0] == "sart"
    for subjects, tied in (("abcabc", "sart"), ("ababab", ""), ("aaaaaa", "")):  # three at least
        table = figures.inclusion_matrix_table(of_subjects(wavering, subjects))
        assert (table["best"][0], table["tied"][0]) == ("tvm", tied)
    partly = of_subjects(wavering, ["a", "a", "a", "", "", None])  # a drawn image is its own
    assert "6 images of 4 subjects" in words(figures.inclusion_matrix(partly))
    begun_before = of_subjects(wavering, "abcabc")
    begun_before.loc[begun_before["method"] == "tvm", "subject"] = np.nan
    assert figures.inclusion_matrix_table(begun_before)["tied"][0] == "sart"
    trainings = matrix_of(("irdm_d1", 0, [0.20] * 2), ("irdm_d1", 1, [0.24] * 2), ("irdm_d2", 0, [0.21] * 2), ("irdm_d2", 1, [0.21] * 2))
    assert figures.inclusion_matrix_table(of_subjects(trainings, "aa"))["tied"][0] == "irdm_d1"


def test_the_picture_frames_the_best_cell_and_lightly_what_is_tied():
    rows = matrix_of(("tvm", np.nan, [0.30, 0.20, 0.25]), ("sart", np.nan, [0.20, 0.31, 0.25]), ("wbp", np.nan, [0.31, 0.21, 0.26]))
    figure = figures.inclusion_matrix(rows, ranges_deg={"tvm": [40, 60]})
    axis = figure.axes[0]
    columns = {patch.get_linestyle(): round(patch.get_x() + patch.get_width() / 2) for patch in axis.patches}
    assert columns["solid"] == 0
    assert [column for style, column in columns.items() if style != "solid"] == [1]
    bold = [text.get_text() for text in axis.texts if text.get_weight() == "bold"]
    assert bold == ["0.250"]
    assert [text.get_text() for text in axis.get_xticklabels()] == ["TVM\n40–60°", "SART", "WBP"]
    assert "brain" in words(figure)


def test_a_cell_that_was_not_evaluated_is_empty(results):
    partly = results[~((results["method"] == "irdm_d6") & (results["source"] == "brain"))]
    table = figures.inclusion_matrix_table(partly)
    assert table.loc[table["source"] == "brain", "irdm_d6"].isna().all()
    assert set(table.loc[table["source"] == "brain", "best"]) == {"irdm_d5"}
    texts = [text.get_text() for text in figures.inclusion_matrix(partly).axes[0].texts]
    assert texts.count("–") == len(WEDGES)


# Spectra, claims, best and worst.


def test_wbp_stands_beside_the_truth_above_power_spectra_on_one_scale(tomograms):
    rows = of_one_training(choose(first_images(tomograms), source="brain"))
    figure = figures.wbp_spectra(rows, image=1)
    assert [axis.get_title() for axis in figure.axes[:9]] == ["truth", *(f"WBP, wedge {wedge:g}°" for wedge in WEDGES)]
    np.testing.assert_array_equal(np.asarray(figure.axes[0].images[0].get_array()), truth_of("brain", 1))
    below = figure.axes[9:18]
    np.testing.assert_allclose(np.asarray(below[0].images[0].get_array()), 2 * log_magnitude(truth_of("brain", 1)))
    assert len({axis.images[0].get_clim() for axis in below}) == 1
    assert [len(axis.lines) for axis in below] == [0] + [2] * len(WEDGES)
    with pytest.raises(InputError, match=r"methods\.wbp"):
        figures.wbp_spectra(rows[rows["method"] != "wbp"])


def test_the_claims_table_holds_means_by_source_and_over_all(results):
    table = figures.nrmse_table(results).set_index(["method", "source", "wedge_deg"])
    assert len(table) == len(METHODS) * 3 * len(WEDGES)
    means = results.groupby(["method", "source", "wedge_deg", "train_seed"], dropna=False)["nrmse"].mean()
    own = means["irdm_d4", "brain", 70.0]
    assert table.loc[("irdm_d4", "brain", 70.0), "nrmse"] == pytest.approx(own.mean())
    assert table.loc[("irdm_d4", "brain", 70.0), "nrmse_std"] == pytest.approx(own.std())
    assert table.loc[("irdm_d4", "brain", 70.0), "trainings"] == 2
    both = [means["irdm_d4", source, 70.0].mean() for source in SOURCES]
    assert table.loc[("irdm_d4", "all", 70.0), "nrmse"] == pytest.approx(np.mean(both))
    assert np.isnan(table.loc[("tvm", "all", 70.0), "nrmse_std"])
    assert table.loc[("tvm", "all", 70.0), "trainings"] == 0


def test_the_very_best_and_worst_of_each_source_stand_beside_their_truth(results, tomograms):
    chosen = extremes(results, tomograms, "irdm_d2")
    assert sorted(zip(chosen["source"], chosen["kept_as"], strict=True)) == sorted(itertools.product(SOURCES, ("best", "worst")))
    worst = chosen[(chosen["source"] == "brain") & (chosen["kept_as"] == "worst")].iloc[0]
    assert (worst["wedge_deg"], worst["image"], worst["train_seed"]) == (80, 2, 5)
    own = results[(results["method"] == "irdm_d2") & (results["source"] == "brain")]
    assert worst["nrmse"] == own["nrmse"].max()
    figure = best_and_worst(chosen, tomograms)
    assert [axis.get_title() for axis in figure.axes[:6]] == ["best", "truth", "difference", "worst", "truth", "difference"]
    place = 6 * list(dict.fromkeys(chosen["source"])).index("brain") + 3
    shown = [np.asarray(axis.images[0].get_array()) for axis in figure.axes[place : place + 3]]
    np.testing.assert_array_equal(shown[1], truth_of("brain", 2))
    np.testing.assert_allclose(shown[2], shown[0] - shown[1])
    assert f"NRMSE {worst['nrmse']:.3f}" in figure.axes[place].get_xlabel()
    for older in (tomograms.drop(columns="kept_as"), first_images(tomograms)):
        assert extremes(results, older, "irdm_d2").empty
    with pytest.raises(InputError, match="no best and worst"):
        best_and_worst(extremes(results, tomograms, "tvm"), tomograms)


def test_the_subject_of_the_best_and_worst_image_is_named(results, tomograms):
    message = of_subjects(results, ["sub-1", "sub-2", "scans/of/a/hospital/with/a/long/name/3.nii"])
    chosen = extremes(message, tomograms.assign(subject="another"), "irdm_d2").set_index(["source", "kept_as"])
    assert chosen.loc[("brain", "best"), "subject"] == "sub-1"
    captions = {place: caption(row).split("\n") for place, row in chosen.iterrows()}
    assert captions["brain", "best"][:2] == ["wedge 35°, image 0, seed 3", "of sub-1"]
    assert captions["brain", "worst"][1] == "of …ospital/with/a/long/name/3.nii"[:4] + "ospital/with/a/long/name/3.nii"[-28:]
    assert len(captions["phantom_faces", "best"]) == 2
    older = extremes(results, tomograms, "irdm_d2").iloc[0]
    assert len(caption(older).split("\n")) == 2


# Networks that were trained with stand-ins.


def with_stand_ins(rows):
    """D2 was trained with phantom faces for CT, one training of D3 for more; the others with what they should be."""
    data = rows["train_data"].where(rows["method"] != "irdm_d2", "D2 (phantom faces for ct)")
    return rows.assign(train_data=data.where((rows["method"] != "irdm_d3") | (rows["train_seed"] == 3), "D3 (phantom faces for ct, dogs)"))


def test_tables_tell_what_networks_were_trained_on(results):
    message = with_stand_ins(results)
    table = figures.nrmse_table(message).groupby("method")["train_data"].unique()
    assert table["irdm_d2"].tolist() == ["D2 (phantom faces for ct)"]
    assert table["irdm_d3"].tolist() == ["D; D3 (phantom faces for ct, dogs)"]
    assert (table["tvm"].tolist(), table["irdm_d1"].tolist()) == ([""], ["D"])
    (data,) = figures.inclusion_matrix_table(choose(message, methods=["tvm", "irdm_d1", "irdm_d2"]))["train_data"].unique()
    assert data == "irdm_d1: D | irdm_d2: D2 (phantom faces for ct)"


def test_stand_ins_are_marked_in_every_figure_and_told_in_its_note(results, tomograms):
    rows, kept_rows = with_stand_ins(results), with_stand_ins(first_images(tomograms))
    note = "trained with stand-ins: * phantom faces for ct; † phantom faces for ct, dogs in some trainings"
    one_source = of_one_training(choose(kept_rows, source="brain", methods=["tvm", "irdm_d1", "irdm_d2"]))
    at_40 = of_one_training(choose(rows[rows["wedge_deg"] == 40], source="brain", methods=["tvm", "irdm_d1", "irdm_d2"]))
    columns = ["M_tvm", "M_irdm_d1", "M_irdm_d2"]
    for figure, wanted in (
        (figures.metric_by_wedge(rows), note),
        (figures.training_ranges(rows, {"irdm_d2": [40, 60], "irdm_d3": [40, 60]}, [45, 65]), note),
        (figures.inclusion_matrix(rows), note),
        (figures.quality_bars(rows), note),
        (figures.psnr_ssim(at_40), note.split(";")[0]),
        (figures.perceptual(at_40), note.split(";")[0]),
        (figures.comparison_panel(at_40, one_source[one_source["wedge_deg"] == 40]), note.split(";")[0]),
        (figures.images_by_method(at_40, one_source[one_source["wedge_deg"] == 40], [0], columns), note.split(";")[0]),
        (figures.spectra(at_40, one_source[one_source["wedge_deg"] == 40], 0, columns), note.split(";")[0]),
    ):
        message = " ".join(words(figure).split())
        assert "IRDM, D2 *" in message
        assert "IRDM, D1 *" not in message
        assert wanted in message
    assert "stand-ins" not in words(figures.metric_by_wedge(results))


# From configuration to files.


def test_every_network_of_the_paper_has_a_name_and_a_colour_of_its_own():
    networks = [*NETWORKS, "irdm_d2_prime"]
    assert all(LABELS[name].startswith("IRDM, D") for name in networks)
    assert len({COLORS[name] for name in (*networks, "wbp", "sart", "tvm")}) == 10


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_draws_its_figure(recorded, tmp_path, name):
    cfg = configured(f"experiment=irdm2020/figures/{name}")
    assert (cfg.table, cfg.folder) == ("experiments/irdm2020/study/results", f"experiments/irdm2020/{name}")
    cfg.table, cfg.folder = str(recorded), str(tmp_path)
    files = draw(cfg)
    assert [file.stem for file in files] == list(cfg.figures)
    assert all(file.stat().st_size > 500 for file in files)
    assert all(file.suffix == (".csv" if file.stem.endswith("_table") else ".png") for file in files)


def test_the_matrix_holds_the_second_d2_where_the_table_has_it(recorded, tmp_path):
    table = recorded_of(configured("experiment=irdm2020/figures/fig6", f"table={recorded}"))
    assert list(dict.fromkeys(table.results["method"])) == ["tvm", *NETWORKS]
    rows = pd.read_parquet(f"{recorded}.parquet")
    second = rows[rows["method"] == "irdm_d2"].assign(method="irdm_d2_prime")
    pd.concat([second, rows]).to_parquet(tmp_path / "results.parquet")
    cfg = configured("experiment=irdm2020/figures/fig6", f"table={tmp_path}/results", f"folder={tmp_path}")
    assert list(dict.fromkeys(recorded_of(cfg).results["method"])) == ["tvm", *NETWORKS, "irdm_d2_prime"]
    assert list(cfg.ranges_deg.irdm_d2_prime) == [40, 80]
    assert len(draw(cfg)) == 2


def test_there_are_no_other_experiments():
    assert {path.stem for path in (conf_dir() / "experiment/irdm2020/figures").glob("*.yaml")} == set(EXPERIMENTS)


def test_a_table_without_the_networks_says_which_it_has(recorded, tmp_path):
    folder = tmp_path / "few"
    folder.mkdir()
    rows = pd.read_parquet(f"{recorded}.parquet")
    rows[rows["method"].isin(["wbp", "tvm"])].to_parquet(folder / "results.parquet")
    shutil.copy(f"{recorded}.tomograms.parquet", folder)
    with pytest.raises(InputError, match=r"no method sart, irdm_d1, irdm_d2, irdm_d3: it has tvm, wbp"):
        draw(configured("experiment=irdm2020/figures/fig4b", f"table={folder}/results", f"folder={tmp_path}"))
