import mrcfile
import numpy as np
import pytest
import torch

from mwgan.errors import InputError
from mwgan.io import VolumeWriter


def test_blocks_become_a_volume_that_keeps_its_voxel_size(tmp_path):
    volume = torch.rand(5, 1, 4, 4)
    with VolumeWriter(tmp_path / "v.mrc", (5, 4, 4), 33.6) as writer:
        writer.write(0, volume[:3])
        writer.write(3, volume[3:])
    with mrcfile.open(tmp_path / "v.mrc") as file:
        np.testing.assert_array_equal(file.data, volume[:, 0].numpy())
        assert float(file.voxel_size.x) == pytest.approx(33.6)
        assert float(file.header.dmax) == pytest.approx(float(volume.max()))
    assert mrcfile.validate(tmp_path / "v.mrc")


def test_an_interruption_leaves_the_old_volume_and_nothing_else(tmp_path):
    target = tmp_path / "v.mrc"
    target.write_bytes(b"the good old volume")

    def interrupted():
        with VolumeWriter(target, (5, 4, 4), 1.0) as writer:
            writer.write(0, torch.rand(2, 1, 4, 4))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert target.read_bytes() == b"the good old volume"
    assert [file.name for file in tmp_path.iterdir()] == ["v.mrc"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(InputError, match=r"v\.mrc can't be written"), VolumeWriter(tmp_path / "no" / "v.mrc", (1, 4, 4), 1.0):
        pass
