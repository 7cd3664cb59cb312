from __future__ import annotations

import pytest
import yaml

from mwgan import methods
from mwgan.errors import InputError
from mwgan.methods import add_folder, conditions_of, known_methods, parse_value, read_methods
from mwgan.paths import conf_dir

LEAST = {"label": "Box", "reconstructor": {"_target_": "mymethods.Box"}}


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    """What a test adds to the list is of that test alone."""
    monkeypatch.setattr(methods, "_given", ())


def write(folder, name="box", content=LEAST):
    (folder / "method").mkdir(parents=True, exist_ok=True)
    file = folder / "method" / f"{name}.yaml"
    file.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return file


def test_every_file_of_ours_is_a_method():
    found = known_methods()
    assert set(found) == {file.stem for file in (conf_dir() / "method").glob("*.yaml")}
    assert all(entry.is_ours and entry.name == name for name, entry in found.items())
    assert {found["wbp"].label, found["wbp"].color} == {"WBP", "#999999"}
    assert found["tvm_directional"].after == "tvm"
    assert {name for name, entry in found.items() if not entry.expects_unit_range} >= {"wbp", "sart", "sirt"}
    assert all(found[name].expects_unit_range for name in ("tvm", "tvm_directional", "tvm_paper", "lpd", "irdm", "tomopy_tv"))


def test_a_method_that_says_no_more_than_it_must_is_scaled_to_be_safe(tmp_path):
    write(tmp_path)
    (entry,) = read_methods([tmp_path]).values()
    assert (entry.name, entry.label, entry.color, entry.tune, entry.after, entry.needs) == ("box", "Box", None, {}, None, None)
    assert entry.expects_unit_range
    assert not entry.is_ours


def test_the_later_folder_wins(tmp_path):
    write(tmp_path / "first", "tvm", {**LEAST, "label": "first"})
    write(tmp_path / "second", "tvm", {**LEAST, "label": "second"})
    write(tmp_path / "second", "box")
    assert known_methods()["tvm"].label == "TVM"
    add_folder(tmp_path / "first")
    assert known_methods()["tvm"].label == "first"
    add_folder(tmp_path / "second")
    add_folder(tmp_path / "second")
    assert known_methods()["tvm"].label == "second"
    assert list(known_methods())[-1] == "box"


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no folder .*none"):
        add_folder(tmp_path / "none")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("label: [unclosed", "can't be read"),
        ("", "has no keys"),
        ("- a\n- list\n", "has no keys"),
        ({**LEAST, "colour": "#000000"}, "has an unknown key colour: the keys are label, color"),
        ({"reconstructor": None}, "has no label"),
        ({"label": "Box"}, "has no reconstructor"),
        ({**LEAST, "label": 3}, "has the label 3"),
        ({**LEAST, "color": "red"}, "has the color 'red'"),
        ({**LEAST, "reconstructor": {"size": 3}}, "a node with a _target_"),
        ({**LEAST, "tune": {"size": 3}}, "a list of values for each parameter"),
        ({**LEAST, "tune": {"size": []}}, "a list of values for each parameter"),
        ({**LEAST, "expects_unit_range": "no idea"}, "true or false"),
        ({**LEAST, "after": ["tvm"]}, "the name of another method"),
    ],
)
def test_a_damaged_file_is_named_with_what_is_wrong(tmp_path, content, message):
    file = write(tmp_path, content=content)
    with pytest.raises(InputError) as error:
        read_methods([tmp_path])
    assert str(file) in str(error.value)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_no_text_is_named(tmp_path):
    write(tmp_path).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"box\.yaml can't be read"):
        read_methods([tmp_path])


def test_what_is_lacking_is_found_without_importing_it(tmp_path):
    write(tmp_path, content={**LEAST, "needs": "no_such_package"})
    write(tmp_path, "other", {**LEAST, "needs": "numpy"})
    found = read_methods([tmp_path])
    assert (found["box"].lacks, found["other"].lacks) == ("no_such_package", None)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.05", 0.05),
        ("1e-3", 1e-3),
        ("-2E4", -2e4),
        ("20", 20),
        ("hann", "hann"),
        ("[0.7, 1.4]", [0.7, 1.4]),
        ("null", None),
        ("true", True),
    ],
)
def test_values_are_read_as_hydra_reads_them(text, value):
    parsed = parse_value(text)
    assert parsed == value
    assert type(parsed) is type(value)


def test_a_value_that_is_no_yaml_is_refused():
    with pytest.raises(InputError, match=r"'\[1, 2' can't be read"):
        parse_value("[1, 2")


def test_what_is_tuned_is_no_condition_of_a_table_nor_what_it_is_called():
    base = {"label": "A", "reconstructor": {"_target_": "x.A", "weight": 0.025, "iterations": 300}, "tune": {"weight": [1, 2]}}
    on = {"label": "B", "after": "base", "reconstructor": {**base["reconstructor"], "direction": 3}, "tune": {"direction": [1, 2]}}
    assert conditions_of({"base": base, "none": None, "on": on, "plain": LEAST}) == {
        "base": {"reconstructor": {"_target_": "x.A", "iterations": 300}, "tune": {"weight": [1, 2]}},
        "on": {"after": "base", "reconstructor": {"_target_": "x.A", "iterations": 300}, "tune": {"direction": [1, 2]}},
        "plain": {"reconstructor": {"_target_": "mymethods.Box"}, "tune": {}},
    }
