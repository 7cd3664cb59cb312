"""The figures and tables of Ding 2019, from a table of random tomograms to pictures, and what stands in them."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pandas as pd
import pytest
import torch
from hydra import compose, initialize_config_dir
from matplotlib.text import Text

from mwgan import figures
from mwgan.cli.figures import draw
from mwgan.errors import InputError
from mwgan.evaluation.measure_again import measure_again
from mwgan.figures.parts.boxes import busiest_boxes
from mwgan.figures.parts.label_placement import Point, label_points
from mwgan.figures.parts.spectrum import log_magnitude
from mwgan.figures.parts.style import new_figure
from mwgan.figures.psnr_ssim import scatter_means
from mwgan.figures.quality_table import PAPER
from mwgan.geometry import Measurement, TiltGeometry
from mwgan.methods import known_methods
from mwgan.operators import ParallelBeam
from mwgan.paths import conf_dir
from mwgan.recon import WBP
from mwgan.results.kept import decode, truth

LABELS = {entry.name: entry.label for entry in known_methods().values()}
COLORS = {entry.name: entry.color for entry in known_methods().values()}
SIZE, STEP_DEG, WEDGE_DEG = 24, 5.0, 45.0
METHODS = (
    "wbp", "sart", "tvm", "tvm_paper", "irdm", "inpainting_wbp", "deartifact", "joint", "joint_adversarial", "joint_two_stages",
)  # fmt: skip
EXPERIMENTS = sorted(path.stem for path in (conf_dir() / "experiment/ding2019/figures").glob("*.yaml"))


def table(methods=METHODS, images=3):
    """Results and tomograms as mwgan-evaluate leaves them, of random numbers that tell what they belong to."""
    rng = np.random.default_rng(0)
    results, tomograms = [], []
    for sinogram, image, method in itertools.product(("missing", "complete"), range(images), ("truth", *methods)):
        identity = {
            "method": method, "checkpoint": "", "train_data": "", "sinogram": sinogram, "wedge_deg": WEDGE_DEG,
            "source": "random_shapes", "noise_percent": 0.0, "image": image, "seed": 0,
        }  # fmt: skip
        pixels = np.random.default_rng(image) if method == "truth" else rng  # one truth for both kinds of sinogram
        tomograms.append({**identity, "size": SIZE, "pixels": pixels.random((SIZE, SIZE)).astype(np.float16).tobytes()})
        if method != "truth":
            metrics = {"psnr": rng.uniform(13, 30), "ssim": rng.uniform(0.3, 1), "nrmse": rng.uniform(0, 1), "rmse_255": rng.uniform(5, 50)}
            results.append({**identity, **metrics, "seconds": 0.1, "commit": "abc1234", "device": "CPU, 1 threads"})
    return pd.DataFrame(results), pd.DataFrame(tomograms)


@pytest.fixture(scope="module")
def results():
    return table()[0]


@pytest.fixture(scope="module")
def tomograms():
    return table()[1]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The path of a table on disk."""
    return write(tmp_path_factory.mktemp("ding2019"))[1]


def write(folder, **wanted):
    """A table on disk: its rows and its path."""
    path = folder / "results"
    rows, kept = table(**wanted)
    rows.to_parquet(f"{path}.parquet")
    kept.to_parquet(f"{path}.tomograms.parquet")
    path.with_name("results.conditions.json").write_text(json.dumps({"step_deg": STEP_DEG}))
    return rows, path


def configured(*overrides):
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return compose("figures", overrides=list(overrides))


def titles(figure):
    return [axis.get_title() for axis in figure.axes if axis.get_title()]


def words(figure):
    return {text.get_text() for text in figure.findobj(Text) if text.get_text()}


def shown(axis):
    return np.asarray(axis.images[0].get_array())


# The wedge and the sinograms: arrays in, pictures out.


def measured_truth(tomograms):
    geometry = TiltGeometry.full(SIZE, STEP_DEG)
    sinogram = ParallelBeam(geometry)(torch.from_numpy(truth(tomograms, 0))[None, None])
    return Measurement(sinogram, geometry.measured(WEDGE_DEG), geometry), sinogram[0, 0].numpy()


def test_the_wedge_is_missing_below_and_there_above(tomograms):
    measurement, sinogram = measured_truth(tomograms)
    measured, tilt_deg = measurement.measured.numpy(), np.array(measurement.geometry.tilt_deg)
    figure = figures.wedge(truth(tomograms, 0), sinogram, measured, tilt_deg, WBP()(measurement)[0, 0].numpy(), WEDGE_DEG)
    assert len(figure.axes) == 6
    image, complete, spectrum, wbp, missing, empty = figure.axes
    np.testing.assert_array_equal(shown(image), truth(tomograms, 0))
    assert np.isfinite(shown(complete)).all()
    drawn = np.ma.masked_invalid(missing.images[0].get_array())
    np.testing.assert_array_equal(np.ma.getmaskarray(drawn).all(axis=1), ~measured)
    assert spectrum.images[0].get_clim() == empty.images[0].get_clim()
    assert (len(spectrum.lines), len(empty.lines)) == (0, 2)
    assert "not measured" in words(figure)
    assert shown(wbp).shape == (SIZE, SIZE)


def test_the_outlined_wedge_of_the_spectrum_is_the_empty_one(disc):
    geometry = TiltGeometry.full(64, 2.0)
    image = disc(64, 12.0)
    measurement = Measurement(ParallelBeam(geometry)(image), geometry.measured(60.0), geometry)
    spectrum = log_magnitude(WBP()(measurement)[0, 0].numpy())
    rows, columns = np.indices((64, 64)) - 32
    far = np.hypot(rows, columns) > 8
    inside = np.abs(columns) < 0.8 * np.abs(rows) * np.tan(np.radians(30))
    assert spectrum[inside & far].mean() < spectrum[~inside & far].mean() - 0.4


def test_sinograms_lose_their_rows_and_get_zeros_for_them(tomograms):
    made = measure_again(truth(tomograms, 0), STEP_DEG, WEDGE_DEG)
    sinogram, measured, tilt_deg, centred = (made[name] for name in ("sinogram", "measured", "tilt_deg", "centred"))
    figure = figures.sinograms(made["image"], sinogram, measured, tilt_deg, centred)
    assert titles(figure) == ["(a) image", "(b) complete sinogram", "(c) missing-wedge sinogram", "(d) zeros in the gap"]
    assert [shown(axis).shape[0] for axis in figure.axes[1:]] == [36, measured.sum(), 36]
    first = int((tilt_deg < 0).sum())
    np.testing.assert_allclose(centred[0], sinogram[first], rtol=1e-5)  # 0 degrees comes first
    gap = np.flatnonzero(~np.concatenate([measured[first:], measured[:first]]))
    assert np.all(np.diff(gap) == 1)
    assert not centred[gap].any()
    assert centred[np.setdiff1d(np.arange(36), gap)].any(axis=1).all()
    edges = [line.get_ydata()[0] for line in figure.axes[3].lines]
    np.testing.assert_allclose(edges, [5.0 * gap[0], 5.0 * gap[-1]])


# Pictures of kept tomograms.


def test_details_enlarge_two_boxes_of_every_method(results, tomograms):
    figure = figures.details(results, tomograms, image=1)
    assert titles(figure) == ["original", "M_WBP", "M_SART", "M_TVM", "M_joint", "M_joint, adversarial", "M_joint, two stages"]
    assert len(figure.axes) == 3 * 7
    np.testing.assert_array_equal(shown(figure.axes[0]), truth(tomograms, 1))
    boxes = busiest_boxes(truth(tomograms, 1), 0.25, 2)
    for row, (top, left, side) in enumerate(boxes, start=1):
        np.testing.assert_array_equal(shown(figure.axes[7 * row]), truth(tomograms, 1)[top : top + side, left : left + side])
    assert all(len(axis.patches) == 2 for axis in figure.axes[:7])
    row = results[(results["method"] == "joint") & (results["sinogram"] == "missing") & (results["image"] == 1)].iloc[0]
    assert figure.axes[14 + 4].get_xlabel() == f"{row['psnr']:.1f} dB / {row['ssim']:.3f}"


def test_boxes_do_not_overlap_and_are_never_none():
    image = np.zeros((40, 40), dtype=np.float32)
    image[8:16, 8:16] = 1
    (top, left, side), other = busiest_boxes(image, 0.25, 2)
    assert side == 10
    assert (top, left) == (7, 7)
    assert abs(other[0] - top) >= side or abs(other[1] - left) >= side
    assert len(busiest_boxes(np.full((8, 8), 0.1, dtype=np.float32), 0.9, 5)) == 1


def test_restorer_inputs_are_the_four_kinds_beside_the_truth(results, tomograms):
    figure = figures.restorer_inputs(results, tomograms, images=[0, 2])
    assert titles(figure) == ["truth (target)", "M_WBP", "C_WBP", "M_SART", "M_inpainting + WBP"]
    assert len(figure.axes) == 2 * 5
    complete = tomograms[(tomograms["method"] == "wbp") & (tomograms["sinogram"] == "complete") & (tomograms["image"] == 2)]
    np.testing.assert_array_equal(shown(figure.axes[5 + 2]), decode(complete.iloc[0]))


def test_spectra_share_the_scale_of_the_original(results, tomograms):
    figure = figures.spectra(results, tomograms)
    joint = ["M_joint", "M_joint, adversarial", "M_joint, two stages"]
    assert titles(figure) == ["original", *joint, "C_SART", "M_SART", "M_TVM", "M_WBP"]
    above, below = figure.axes[:8], figure.axes[8:16]
    assert len(figure.axes) == 16 + 1  # and the colour bar
    assert {axis.images[0].get_clim() for axis in above} == {(0, 1)}
    assert len({axis.images[0].get_clim() for axis in below}) == 1
    np.testing.assert_allclose(shown(below[0]), log_magnitude(truth(tomograms, 0)))
    outlined = [title for title, axis in zip(titles(figure), below, strict=True) if axis.lines]
    assert outlined == [*joint, "M_SART", "M_TVM", "M_WBP"]


def test_images_by_method_have_a_row_each_and_a_column_once(results, tomograms):
    figure = figures.images_by_method(results, tomograms, images=[0, 1, 2])
    classical = [f"{prefix}{method}" for prefix in ("C_", "M_") for method in ("WBP", "SART", "TVM")]
    learned = ["M_IRDM", "M_joint", "M_joint,\nadversarial", "M_joint, two\nstages"]
    assert titles(figure) == ["original", *classical, *learned]
    assert len(figure.axes) == 3 * 11
    scored = [axis.get_xlabel() for axis in figure.axes]
    assert scored.count("PSNR / SSIM") == 3
    assert sum(" dB / " in score for score in scored) == 30


def test_the_ablation_shows_what_each_half_gets_wrong(results, tomograms):
    figure = figures.ablation(results, tomograms, image=2)
    assert titles(figure)[:4] == ["truth", "M_de-artifact alone", "M_inpainting + WBP", "M_joint"]
    joint = tomograms[(tomograms["method"] == "joint") & (tomograms["sinogram"] == "missing") & (tomograms["image"] == 2)]
    difference = figure.axes[2 * 6 + 3]
    np.testing.assert_allclose(shown(difference), decode(joint.iloc[0]) - truth(tomograms, 2))
    low, high = difference.images[0].get_clim()
    assert low == -high
    assert " dB / " in difference.get_xlabel()
    assert "difference from the truth" in words(figure)


@pytest.mark.parametrize("name", ["details", "spectra", "ablation"])
def test_columns_asked_for_are_drawn_in_their_order(results, tomograms, name):
    figure = getattr(figures, name)(results, tomograms, image=0, columns=["C_irdm", "M_wbp"])
    assert titles(figure)[1:] == ["C_IRDM", "M_WBP"]


@pytest.mark.parametrize("name", ["details", "restorer_inputs", "spectra", "images_by_method", "ablation"])
def test_methods_that_are_not_there_leave_no_gap(name):
    rows, kept = table(["wbp", "joint"], images=1)
    figure = getattr(figures, name)(rows, kept, **({"images": [0]} if name in ("restorer_inputs", "images_by_method") else {}))
    assert 1 < len(titles(figure)) <= 4
    assert all(axis.images or axis.child_axes for axis in figure.axes if axis.get_subplotspec() is not None)


def test_a_method_kept_for_some_images_leaves_its_place_empty(results, tomograms):
    partly = tomograms[~((tomograms["method"] == "sart") & (tomograms["image"] == 1))]
    figure = figures.restorer_inputs(results, partly, images=[0, 1], columns=["M_wbp", "M_sart"])
    assert [bool(axis.images) for axis in figure.axes] == [True] * 5 + [False]


def test_what_was_not_kept_is_refused_with_what_was(results, tomograms):
    with pytest.raises(InputError, match=r"M_magic.*M_wbp"):
        figures.details(results, tomograms, columns=["M_magic"])
    with pytest.raises(InputError, match=r"image 7 .*\[0, 1, 2\]"):
        figures.spectra(results, tomograms, image=7)
    with pytest.raises(InputError, match="M_deartifact, M_inpainting_wbp, M_joint, but only"):
        figures.ablation(*table(["wbp"]))


# Means over images.


def test_psnr_and_ssim_of_every_method_are_its_means_with_standard_errors(results):
    axis = figures.psnr_ssim(results).axes[0]
    drawn = sorted(tuple(container.lines[0].get_xydata()[0]) for container in axis.containers)
    means = results.groupby(["method", "sinogram"])[["psnr", "ssim"]].mean()
    np.testing.assert_allclose(drawn, sorted(means.itertuples(index=False, name=None)))
    assert {text.get_text() for text in axis.texts} == {f"{p}_{LABELS[method]}" for p in "MC" for method in METHODS}
    first = axis.containers[0]  # M_wbp
    rows = results[(results["method"] == "wbp") & (results["sinogram"] == "missing")]
    half = np.ptp(first.lines[2][0].get_segments()[0][:, 0]) / 2
    assert half == pytest.approx(rows["psnr"].std() / np.sqrt(3))
    filled = [container.lines[0].get_markerfacecolor() != "white" for container in axis.containers]
    assert sum(filled) == len(METHODS)


def test_labels_overlap_neither_each_other_nor_the_points(results):
    crowded = results.assign(psnr=20 + results["psnr"] / 10, ssim=0.8 + results["ssim"] / 20)
    figure = figures.psnr_ssim(crowded)
    figure.draw_without_rendering()
    axis = figure.axes[0]
    boxes = [Text.get_window_extent(text) for text in axis.texts]
    assert len(boxes) == 20
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)
    points = axis.transData.transform([container.lines[0].get_xydata()[0] for container in axis.containers])
    assert not any(box.contains(*point) for box in boxes for point in points)
    assert all(axis.bbox.x0 <= box.x0 and box.x1 <= axis.bbox.x1 for box in boxes)


def test_a_name_far_from_its_point_gets_a_line_to_it():
    axis = new_figure(3, 3).subplots()
    axis.set(xlim=(0, 1), ylim=(0, 1))
    label_points(axis, [Point(0.5, 0.5, 0, 0, f"name {index}", "#000000") for index in range(9)])
    assert {text.arrow_patch.get_visible() for text in axis.texts} == {True, False}


def test_an_image_alone_has_no_standard_error(results):
    axis = new_figure(4, 3).subplots()
    scatter_means(axis, results[results["image"] == 0], "psnr", "ssim")
    assert np.isfinite([container.lines[2][0].get_segments()[0] for container in axis.containers]).all()


def test_the_perceptual_index_is_drawn_where_there_is_one(results):
    known = results.assign(perceptual_index=np.linspace(5, 9, len(results)), perceptual_note="")
    figure = figures.perceptual(known)
    axis = figure.axes[0]
    assert axis.get_ylabel() == "perceptual index"
    assert len(axis.containers) == 2 * len(METHODS)
    assert not any("No perceptual index" in text for text in words(figure))


@pytest.mark.parametrize("column", ["absent", np.nan, None])
def test_without_a_perceptual_index_the_figure_says_why(results, column):
    reason = "the weights of Ma's score can't be had here"
    without = results.assign(perceptual_note=reason)
    if column != "absent":
        without["perceptual_index"] = pd.Series([column] * len(results), dtype=object if column is None else float)
    assert figures.quality_table(without)["perceptual_index"].isna().all()
    figure = figures.perceptual(without)
    assert f"No perceptual index: {reason}" in words(figure)
    axis = figure.axes[0]
    assert "perceptual" not in axis.get_ylabel()
    means = results.groupby(["method", "sinogram"])["rmse_255"].mean()
    np.testing.assert_allclose([container.lines[0].get_xdata()[0] for container in axis.containers], sorted(means))
    assert axis.get_yticklabels()[0].get_text() in {f"{p}_{LABELS[means.idxmin()[0]]}" for p in "MC"}


def test_a_table_that_gives_no_reason_is_said_to_give_none(results):
    assert any("gives no reason" in text for text in words(figures.perceptual(results)))


def test_methods_without_an_index_are_named(results):
    rows = results.assign(perceptual_index=6.0, perceptual_note="a word about the others")
    rows.loc[rows["method"] == "irdm", ["perceptual_index", "perceptual_note"]] = [np.nan, "not run"]
    figure = figures.perceptual(rows)
    assert "No perceptual index for M_IRDM, C_IRDM: not run" in words(figure)
    assert len(figure.axes[0].containers) == 2 * (len(METHODS) - 1)


def test_a_method_looks_the_same_with_and_without_the_others_index(results):
    rows = results.assign(perceptual_index=6.0)
    rows.loc[rows["method"] == "irdm", "perceptual_index"] = np.nan
    both, fewer = (
        {text.get_text(): container.lines[0].get_marker() for text, container in zip(axis.texts, axis.containers, strict=True)}
        for axis in (figures.psnr_ssim(rows).axes[0], figures.perceptual(rows).axes[0])
    )
    assert fewer.items() <= both.items()


def test_every_method_of_the_paper_has_a_name_and_a_colour_of_its_own():
    assert set(METHODS) <= set(LABELS)
    assert len({COLORS[method] for method in METHODS}) == len(METHODS)


def test_the_quality_table_holds_means_deviations_and_the_papers_values(results):
    quality = figures.quality_table(results).set_index(["method", "sinogram"])
    assert len(quality) == 2 * len(METHODS)
    grouped = results.groupby(["method", "sinogram"])
    for column in ("psnr", "ssim", "rmse_255"):
        pd.testing.assert_series_equal(quality[column].sort_index(), grouped[column].mean().sort_index())
    pd.testing.assert_series_equal(quality["psnr_std"].sort_index(), grouped["psnr"].std().sort_index(), check_names=False)
    assert (quality["images"] == 3).all()
    assert quality["perceptual_index"].isna().all()
    assert (quality["commit"] == "abc1234").all()
    assert quality.loc[("joint", "missing"), ["paper_psnr", "paper_ssim", "paper_rmse_255"]].tolist() == [27.46, 0.9532, 16.7282]
    assert quality.loc[("tvm_paper", "complete"), "paper_ssim"] == 0.7130
    assert quality.loc[("tvm", "missing"), "paper_psnr":"paper_perceptual_index"].isna().all()
    assert quality["paper_psnr"].notna().sum() == len(PAPER) == 7


# From configuration to files.


def test_every_experiment_draws_its_figure(tmp_path, capsys):
    results, recorded = write(tmp_path, images=12, methods=(*METHODS, "lpd", "lpd_guided"))
    assert set(EXPERIMENTS) == {*(f"fig{number}" for number in (1, 2, 5, 8, 9, 10, 11, 12, 13, 14)), "table4", "table5"}
    for name in EXPERIMENTS:
        cfg = configured(f"experiment=ding2019/figures/{name}")
        assert cfg.table == f"experiments/ding2019/{'fig14' if name == 'fig14' else 'table4'}/results"
        assert cfg.folder == f"experiments/ding2019/{name}"
        assert (conf_dir().parent / cfg.folder / "README.md").is_file()
        cfg.table, cfg.folder = str(recorded), str(tmp_path / name)
        files = draw(cfg)
        assert [file.name for file in files] == [f"{cfg.figures[0]}{'.csv' if name.startswith('table') else '.png'}"]
        assert files[0].stat().st_size > 500
    printed = capsys.readouterr().out
    assert "joint_adversarial" in printed
    assert "27.46" in printed
    rows = pd.read_csv(tmp_path / "table4/quality_table.csv").set_index(["method", "sinogram"])
    means = results.groupby(["method", "sinogram"])[["psnr", "ssim", "rmse_255"]].mean()
    np.testing.assert_allclose(rows.loc[means.index, means.columns], means, rtol=1e-5)
    assert {"seed", "commit", "device", "paper_psnr", "paper_ssim", "paper_rmse_255"} <= set(rows.columns)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["figures=[details]", "image=50"], r"only \[0, 1, 2\]"),
        (["figures=[images_by_method]", "images=[0,9]"], "image 9"),
        (["figures=[details,fig99]"], "no figure fig99: choose from ablation, comparison_panel, details, honesty"),
        (["figures=[psnr_ssim]", "wedges_deg=[60]"], "it has 45"),
        (["figures=[comparison_panel]", "sinogram=noisy"], "complete, missing"),
    ],
)
def test_what_cannot_be_drawn_is_said(recorded, tmp_path, overrides, said):
    with pytest.raises(InputError, match=said):
        draw(configured(f"table={recorded}", f"folder={tmp_path}", *overrides))


def test_figures_of_one_wedge_ask_for_one_and_the_others_take_all(tmp_path):
    rows, kept = table(["wbp", "joint"], images=1)
    for name, part in (("results", rows), ("results.tomograms", kept)):
        pd.concat([part, part.assign(wedge_deg=60.0)]).to_parquet(tmp_path / f"{name}.parquet")
    asked = [f"table={tmp_path}/results", "figures=[psnr_ssim]"]
    with pytest.raises(InputError, match=r"one wedge.*45, 60"):
        draw(configured(*asked))
    assert draw(configured(*asked, "wedges_deg=[60]"))
    assert draw(configured(asked[0], "figures=[comparison_panel,psnr_by_wedge,seconds_by_wedge]"))
    with pytest.raises(InputError, match="step_deg"):
        draw(configured(asked[0], "figures=[wedge]", "wedges_deg=[60]"))
