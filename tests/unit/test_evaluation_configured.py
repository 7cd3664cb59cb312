"""From the configuration of mwgan-evaluate to methods, judges and what a table's numbers hold for."""

from __future__ import annotations

import json

import pandas as pd
import pytest
import torch
from hydra import compose, initialize_config_dir

from mwgan.configuration import plain
from mwgan.errors import InputError
from mwgan.evaluation import configured
from mwgan.evaluation.configured import configured_methods, evaluate_configured
from mwgan.paths import conf_dir
from mwgan.recon import SIRT, load_reconstructor

SHIPPED = "{reconstructor: {_target_: mwgan.recon.load_reconstructor, name_or_path: lpd}, label: LPD, color: '#000000'}"
QUICK = ("data.size=24", "step_deg=6", "wedges_deg=[60]", "images=1", "tuning_images=1", "kept_images=0", "~methods.sart", "~methods.tvm")


def settings(*overrides, **given):
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        cfg = compose("evaluate", [*QUICK, *overrides])
    return {**{str(key): plain(node) for key, node in cfg.items() if key != "paths"}, **given}


def evaluated(folder, *overrides):
    return evaluate_configured(settings(*overrides, table=str(folder / "results")), say=lambda text: None).rows


def test_a_network_among_the_methods_is_what_it_is_among_the_checkpoints():
    method, checkpoint = (
        next(one for one in configured_methods(settings(*given)) if one.name == "lpd")
        for given in ((f"+methods.lpd={SHIPPED}",), ("checkpoints={lpd: lpd}",))
    )
    assert method.checkpoint == checkpoint.checkpoint
    assert method.checkpoint.startswith("lpd#")
    message = ("train_data", "train_seed", "trained_on", "stand_ins", "grid", "base", "about")
    assert [getattr(method, name) for name in message] == [getattr(checkpoint, name) for name in message]
    assert method.train_data == load_reconstructor("lpd").record["train_data"] != ""


def test_a_network_may_be_tuned_and_corrected_too():
    tuned = f"+methods.lpd={SHIPPED[:-1]}, tune: {{allow: [[], [a]]}}}}"
    _, twin, *_ = configured_methods(settings("~methods.wbp", tuned, "data_consistency=[0.1]"))
    assert (twin.name, twin.corrects, twin.train_data) == ("lpd + data", "lpd", "drawn")
    assert twin.base.grid == {"allow": [[], ["a"]]}
    assert twin.base.make(allow=[]).name == "lpd"


def test_a_method_takes_over_from_another_and_is_built_before_the_first_is_evaluated():
    after = "{after: wbp, reconstructor: {_target_: mwgan.recon.WBP}, tune: {wedge_gap: [1.0]}}"
    wbp, follows = configured_methods(settings(f"+methods.follows={after}"))
    assert follows.base is wbp
    wrong = "{reconstructor: {_target_: mwgan.recon.SIRT, iterations: 0}}"
    with pytest.raises(InputError, match="iteration"):
        configured_methods(settings(f"+methods.wrong={wrong}"))


def test_a_network_that_is_not_shipped_asks_for_its_weights():
    with pytest.raises(InputError, match=r"checkpoints=\{joint: RUN\}"):
        configured_methods(settings("+methods.joint={reconstructor: null, label: joint}"))


def test_a_network_for_smaller_slices_is_refused_wherever_it_is_named():
    node = SHIPPED.replace("lpd", "irdm")
    for given in (f"+methods.irdm={node}", "checkpoints={irdm: irdm}"):
        with pytest.raises(InputError, match=r"64 pixels: evaluate it at data\.size=64"):
            configured_methods(settings("data.size=65", given))


def test_packages_that_are_allowed_reach_the_reader_of_weights(monkeypatch):
    asked = []
    monkeypatch.setattr(configured, "load_network", lambda *given: asked.append(given) or load_reconstructor(given[0]))
    configured_methods(settings("checkpoints={mine: lpd}", "allow=[mynet,theirs]"))
    assert asked == [("lpd", "cpu", ("mynet", "theirs"))]


def test_labels_and_colours_are_no_condition_of_a_table(tmp_path):
    ramp = "++methods.wbp.tune={filter: [ramp], cutoff: [1.0]}"
    evaluated(tmp_path, "++methods.wbp.label=WBP", ramp)
    message = json.loads((tmp_path / "results.conditions.json").read_text())["method wbp"]
    assert message == {"reconstructor": {"_target_": "mwgan.recon.WBP"}, "tune": {"filter": ["ramp"], "cutoff": [1.0]}}
    assert len(evaluated(tmp_path, "++methods.wbp.color=red", ramp)) == 1
    with pytest.raises(InputError, match=r"method wbp\.tune\.filter"):
        evaluated(tmp_path, ramp.replace("ramp", "hann"))


def sharpest(tomogram, image, measurement):
    return tomogram.diff(dim=-1).abs().amax(dim=(1, 2, 3))


class Times:
    """A metric with a parameter."""

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, tomogram, image, measurement):
        return torch.full((len(image),), float(self.factor))


def test_metrics_of_the_configuration_are_columns_and_conditions(tmp_path):
    here = __name__
    rows = evaluated(
        tmp_path,
        f"+metrics.sharpest={{_target_: {here}.sharpest, _partial_: true}}",
        f"+metrics.times={{_target_: {here}.Times, factor: 3}}",
    )
    assert rows["times"].tolist() == [3.0]
    assert rows["sharpest"].gt(0).all()
    assert pd.read_csv(tmp_path / "results.csv")["times"].tolist() == [3.0]
    with pytest.raises(InputError, match=r"metric times\.factor 3, not 4"):
        evaluated(tmp_path, f"+metrics.times={{_target_: {here}.Times, factor: 4}}")


def test_runs_are_methods_besides_the_checkpoints():
    names = [method.name for method in configured_methods(settings(), [("irdm_d1", "irdm"), ("irdm_d1", "irdm_pixel")])]
    assert names == ["wbp", "irdm_d1", "irdm_d1"]
    with pytest.raises(InputError, match="nothing to evaluate"):
        configured_methods(settings("~methods.wbp"))


def test_a_wedge_of_half_a_turn_is_refused(tmp_path):
    with pytest.raises(InputError, match="wedges_deg contains 180"):
        evaluated(tmp_path, "wedges_deg=[180]")
    assert list(tmp_path.iterdir()) == []


def test_a_classical_method_has_no_weights():
    (sirt,) = configured_methods(settings("~methods.wbp", "+methods.sirt={reconstructor: {_target_: mwgan.recon.SIRT}, tune: null}"))
    assert isinstance(sirt.make(), SIRT)
    assert (sirt.checkpoint, sirt.train_data, sirt.train_seed) == ("", "", None)
