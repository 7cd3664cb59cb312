"""Arguments of a configuration's parts that their classes can't take."""

from __future__ import annotations

import pytest

from mwgan.configuration import compose_training, plain
from mwgan.errors import InputError
from mwgan.runs.arguments import check_arguments

UNET = {"_target_": "mwgan.networks.UNet", "width": 8}
ADAM = {"_target_": "torch.optim.Adam", "_partial_": True}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"net": {**UNET, "width": 0}}, "net.width=0 .* 1 or more"),
        ({"net": {**UNET, "width": 2.5}}, "net.width=2.5 .* whole number"),
        ({"net": {**UNET, "width": True}}, "net.width=True"),
        ({"net": {**UNET, "residual": "no"}}, "net.residual=no .* true or false"),
        ({"several": [UNET, {**UNET, "depth": "deep"}]}, "several.1.depth=deep"),
        ({"adam": {**ADAM, "betas": 0.9}}, "adam.betas=0.9 .* a list"),
        ({"adam": {**ADAM, "betas": [0.9]}}, "adam.betas"),
        ({"adam": {**ADAM, "eps": float("nan")}}, "adam.eps=nan"),
        ({"lpd": {"_target_": "mwgan.recon.LearnedPrimalDual", "guess_iterations": -1}}, "guess_iterations=-1 .* 0 or more"),
    ],
)
def test_the_key_and_what_it_takes_are_named(settings, message):
    with pytest.raises(InputError, match=message):
        check_arguments(settings)


def test_what_a_class_takes_or_makes_its_own_is_left_to_it():
    check_arguments(
        [
            {"net": UNET, "other": 3, "none": None},
            {"_target_": "nobody.Knows", "width": "any"},
            {**ADAM, "lr": 1, "betas": [0.9, 0.99], "foreach": None},
            {"_target_": "mwgan.acquisition.Acquisition", "detector_size": 8, "step_deg": [1, 2], "wedge_deg": [0, 1], "noise": UNET},
            {"_target_": "mwgan.recon.TVM", "weight": {"_target_": "builtins.float"}},
        ]
    )


@pytest.mark.parametrize("experiment", ["beyond/lpd_guided", "irdm2020/d1", "ding2019/joint", None])
def test_the_shipped_configurations_can_be_meant(experiment):
    check_arguments(plain(compose_training([] if experiment is None else [f"experiment={experiment}"])))
