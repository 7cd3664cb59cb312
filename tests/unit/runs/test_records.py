"""What a run will be known by."""

from __future__ import annotations

from dataclasses import replace

import pytest
from omegaconf import OmegaConf

from mwgan.data import MixedSources, PhantomFaces
from mwgan.runs.records import record_of


class Lent(PhantomFaces):
    """Faces that stand in for scans."""

    substituted = ("brain", "ct")


@pytest.mark.parametrize(("steps", "coarsest"), [("2.0", 2.0), ("[3.0,1.0,5.0]", 5.0)])
def test_the_record_tells_what_is_trained_on_which_grid_wedges_noise_and_images(run_config, steps, coarsest):
    options = ("model=irdm_pixel", "acquisition=gaussian", "acquisition.noise.percent=3.0", f"acquisition.step_deg={steps}", "seed=7")
    cfg = run_config(*options, "data.size=32", "paths.run_dir=run")  # or the folder is named by the second
    record = record_of(cfg, "cpu", MixedSources({"faces": PhantomFaces(32, count=2), "lent": Lent(32, count=3)}))
    assert (record.geometry.detector_size, record.geometry.step_deg, record.wedge_deg) == (32, coarsest, (40.0, 60.0))
    assert (record.noise_percent, record.seed, record.train_data, record.stand_ins) == (3.0, 7, "D1", ("brain", "ct"))
    assert [message["images"] for message in record.data] == [2, 3]
    assert record.generator["_target_"] == "mwgan.networks.UNetPlusPlus"
    assert record.task == {"_target_": "mwgan.recon.RestoreWBP", "filter": "ramp"}
    assert record.config["acquisition"]["detector_size"] == "${data.size}"  # as it is written, folders of this machine left out
    assert OmegaConf.to_container(OmegaConf.create(record.config), resolve=True) == OmegaConf.to_container(cfg, resolve=True)
    assert record == replace(record, init=None)
