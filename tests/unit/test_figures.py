import numpy as np
import pandas as pd
import pytest

from mwgan.figures import comparison_panel, metric_by_wedge, quality_bars, slice_panel, training_curves
from mwgan.figures.comparison_panel import decode
from mwgan.methods import known_methods


@pytest.fixture
def results():
    rows = [
        {"method": method, "checkpoint": "", "train_data": "", "sinogram": "missing", "wedge_deg": wedge, "source": "phantom_faces",
         "noise_percent": 2.0, "image": image, "seed": 0, "psnr": 20.0 + rank, "ssim": 0.5, "nrmse": 0.5 - 0.1 * rank + wedge / 1000}
        for rank, method in enumerate(["wbp", "tvm", "a_new_method"]) for wedge in (40.0, 60.0) for image in (0, 1)
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.fixture
def tomograms(results):
    pixels = (np.indices((24, 24)).sum(axis=0) / 48).astype(np.float16)
    kept = pd.concat([results, results.drop_duplicates(["wedge_deg", "image"]).assign(method="truth")])
    return kept.assign(size=24, pixels=pixels.tobytes())


def test_a_line_a_method_through_its_means(results):
    axis = metric_by_wedge(results, "nrmse").axes[0]
    lines = {line.get_label(): line.get_xydata() for line in axis.lines}
    assert set(lines) == {"WBP", "TVM", "a_new_method"}
    np.testing.assert_allclose(lines["TVM"], [[40, 0.44], [60, 0.46]])
    assert axis.get_ylim()[0] == 0


def test_the_panel_shows_truth_and_every_method_with_its_scores(results, tomograms):
    figure = comparison_panel(results, tomograms, image=0)
    assert len(figure.axes) == 2 * 2 * 4
    titles = [axis.get_title() for axis in figure.axes[:4]]
    assert titles == ["truth", "WBP", "TVM", "a_new_method"]
    shown = figure.axes[1].images[0].get_array()
    np.testing.assert_array_equal(shown, decode(tomograms.iloc[0]))
    assert any(axis.get_xlabel() == "21.0 dB / 0.50" for axis in figure.axes)


def test_an_image_that_was_not_kept_is_refused(results, tomograms):
    with pytest.raises(ValueError, match="image 7"):
        comparison_panel(results, tomograms, image=7)


def test_sixteen_methods_without_a_colour_of_their_own_are_told_apart(results):
    methods = ["wbp", *(f"lr_{number}" for number in range(16)), "tvm"]
    rows = pd.concat([results[results["method"] == "tvm"].assign(method=method, psnr=20.0 + rank) for rank, method in enumerate(methods)])
    lines = metric_by_wedge(rows).axes[0].lines
    looks = [(line.get_color(), line.get_linestyle()) for line in lines]
    assert len(set(looks)) == len({(line.get_color(), line.get_marker()) for line in lines}) == len(methods)
    assert (looks[0], looks[-1]) == ((known_methods()["wbp"].color, "-"), (known_methods()["tvm"].color, "-"))
    bars = quality_bars(rows).axes[0].patches
    assert len({(bar.get_facecolor(), bar.get_hatch()) for bar in bars}) == len(methods)


def test_slices_are_labelled_with_their_ratio():
    slices = {("±50°", "wbp"): np.eye(8, dtype=np.float32), ("±50°", "irdm"): np.eye(8, dtype=np.float32)}
    figure = slice_panel(slices, {("±50°", "wbp"): 0.63, ("±50°", "irdm"): 1.02}, ["wbp", "irdm"])
    assert [axis.get_xlabel() for axis in figure.axes] == ["width / height 0.63", "width / height 1.02"]


def test_training_curves_show_what_was_logged():
    log = pd.DataFrame({"epoch": [0, 0, 1, 1], "train/pixel_loss": [0.1, None, 0.05, None], "val/psnr": [None, 20.0, None, 22.0]})
    plain = training_curves(log.assign(**{"train/images": [8.0, None, 16.0, None]}))
    assert [axis.get_title() for axis in plain.axes] == ["losses", "PSNR / dB, held out"]
    assert plain.axes[1].lines[0].get_xydata().tolist() == [[8.0, 20.0], [16.0, 22.0]]
    game = {"train/score_real": 0.5, "train/score_fake": -0.5, "train/generator_gradient": 1.0, "train/discriminator_gradient": 2.0}
    titles = [axis.get_title() for axis in training_curves(log.assign(**game)).axes]
    assert titles == ["losses", "discriminator's scores", "gradient norms", "PSNR / dB, held out"]
