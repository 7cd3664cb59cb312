"""Which reader takes a file, and readers of others."""

from pathlib import Path

import numpy as np
import pytest

from mwgan.errors import InputError
from mwgan.io import Reader, Stack, open_series, open_stack, readers, register_reader


@pytest.fixture
def text_reader(monkeypatch):
    """A format of one's own: the images' shape on the first line, their numbers on the others."""
    monkeypatch.setattr(readers, "_registered", [])

    def read(path: Path, dataset: str | None) -> Stack:
        shape, *numbers = path.read_text().splitlines()
        images = np.array(" ".join(numbers).split(), float).reshape([int(side) for side in shape.split()])
        return Stack(images, tilt_deg=(0.0, 10.0), pixel_size_angstrom=2.5, notes=[f"asked for {dataset}"])

    return Reader("numbers in a text", (".numbers",), read)


def test_a_reader_of_ones_own(text_reader, tmp_path):
    path = tmp_path / "a.numbers"
    path.write_text("2 1 3\n1 2 3\n4 5 6\n")
    with pytest.raises(InputError, match=r"unknown format: give one of \.tif .* \.mrc .*folder"):
        open_stack(path)
    register_reader(text_reader)
    series = open_series(path, dataset="x")
    assert series.geometry.tilt_deg == (0, 10)
    assert series.voxel_sizes_angstrom == (2.5, 2.5, 2.5)
    np.testing.assert_array_equal(series.sinograms(0, 1)[0, 0].numpy(), [[1, 2, 3], [4, 5, 6]])
    assert series.notes[0] == "asked for x"


class Entry:
    name, value = "theirs", "theirs.reading:reader"

    def __init__(self, loaded):
        self.loaded = loaded

    def load(self):
        if isinstance(self.loaded, Exception):
            raise self.loaded
        return self.loaded


@pytest.mark.parametrize(
    ("loaded", "message"), [(None, None), (ImportError("no module"), "can't be loaded"), (print, "no mwgan.io.Reader")]
)
def test_a_reader_of_an_installed_package(loaded, message, text_reader, tmp_path, monkeypatch, write_mrc, counts):
    monkeypatch.setattr(readers, "entry_points", lambda group: [Entry(loaded or text_reader)] if group == "mwgan.readers" else [])
    readers._installed.cache_clear()
    path = tmp_path / "a.numbers"
    path.write_text("2 1 2\n1 2 3 4\n")
    if message is None:
        assert open_stack(path).images.shape == (2, 1, 2)
    else:
        with pytest.raises(InputError, match=message):
            open_stack(path)
    np.testing.assert_array_equal(open_stack(write_mrc(counts)).images[0], counts[0])  # a broken one is no hindrance to ours
    readers._installed.cache_clear()


def test_a_reader_that_gives_something_else_is_named(text_reader, tmp_path, monkeypatch):
    register_reader(Reader("odd", (".odd",), lambda path, dataset: np.zeros((2, 2, 2))))
    (tmp_path / "a.odd").write_text("x")
    with pytest.raises(InputError, match=r"the reader of odd gave ndarray.*mwgan\.io\.Stack"):
        open_stack(tmp_path / "a.odd")


def test_content_counts_more_than_the_suffix(counts, tmp_path, write_mrc):
    np.save(tmp_path / "a.npy", counts)
    (tmp_path / "a.npy").rename(tmp_path / "a.mrc")
    stack = open_stack(tmp_path / "a.mrc")
    np.testing.assert_array_equal(stack.images[:], counts)
    assert "the file is NPY, despite its suffix" in stack.notes
    np.testing.assert_array_equal(open_stack(write_mrc(counts, "series")).images[:], counts)  # no suffix at all


def test_an_array_is_named_in_the_path_or_by_an_option_but_not_twice(counts, tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, one=counts, two=counts[::-1])
    for stack in (open_stack(f"{path}::two"), open_stack(path, "two"), open_stack(f"{path}::two", "two")):
        np.testing.assert_array_equal(stack.images, counts[::-1])
    with pytest.raises(InputError, match="give one of them"):
        open_stack(f"{path}::two", "one")
    with pytest.raises(InputError, match="names no array"):
        open_stack(f"{path}::")


def test_a_file_whose_own_name_has_the_separator_is_itself(counts, write_mrc):
    np.testing.assert_array_equal(open_stack(write_mrc(counts, "a::b.mrc")).images[:], counts)


def test_an_array_of_tilts_at_another_place_is_found_by_their_number(counts, tmp_path):
    np.save(tmp_path / "a.npy", np.moveaxis(counts, 0, 2))
    series = open_series(tmp_path / "a.npy", range(5))
    np.testing.assert_array_equal(series.sinograms(1, 2)[0, 0].numpy(), counts[:, 1])
    assert any("axis 3 of the array is that of the tilts" in note for note in series.notes)
    with pytest.raises(InputError, match="6 images but the list given 7 tilts"):
        open_series(tmp_path / "a.npy", range(7))
