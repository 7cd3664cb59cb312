from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from mwgan import parts
from mwgan.errors import InputError
from mwgan.parts import allowed_packages, build_part, check_recorded, configuration_folders, installed_parts

PACKAGE = """
from collections import OrderedDict
from functools import partial
from mwgan.files.atomic import atomic_write
from mwgan.networks import UNet

class Box:
    def __init__(self, *contents, **named):
        self.contents, self.named = contents, named

    class Lid:
        pass

def make():
    return Box()

half_built = partial(Box, 1)
"""


@pytest.fixture
def boxes(tmp_path, monkeypatch) -> Path:
    """A package ``boxes`` outside mwgan that Python finds; ``boxes.inner`` is a module of it."""
    package = tmp_path / "boxes"
    package.mkdir()
    (package / "__init__.py").write_text(PACKAGE)
    (package / "inner.py").write_text("class Small:\n    pass\n")
    (package / "broken.py").write_text("import a_package_that_nobody_has\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield package
    for name in [name for name in sys.modules if name.partition(".")[0] == "boxes"]:
        del sys.modules[name]


@pytest.fixture
def install(monkeypatch):
    """``install("boxes", ...)``: as if packages with these entry points of the group ``mwgan.parts`` were installed."""

    def install(*values: str) -> None:
        entries = [EntryPoint(name=f"entry{number}", value=value, group=parts.GROUP) for number, value in enumerate(values)]
        monkeypatch.setattr(parts, "entry_points", lambda group: entries if group == parts.GROUP else [])

    return install


@pytest.mark.parametrize(
    ("allow", "packages"),
    [((), ()), (None, ()), ("boxes", ("boxes",)), (["a", "b"], ("a", "b")), (("boxes",), ("boxes",)), ({"a"}, ("a",))],
)
def test_a_string_names_one_package(allow, packages):
    assert allowed_packages(allow) == packages


def test_all_that_has_a_target_is_built_wherever_it_is_hidden(boxes):
    small = {"_target_": "boxes.inner.Small"}
    node = {"_target_": "boxes.Box", "one": small, "many": [1, [small]], "named": {"a": {"b": small}, "c": 2}, "_convert_": "all"}
    box = build_part(node, "boxes")
    assert type(box.named["one"]).__name__ == "Small"
    assert box.named["many"][0] == 1
    assert type(box.named["many"][1][0]).__name__ == "Small"
    assert type(box.named["named"]["a"]["b"]).__name__ == "Small"
    assert box.named["named"]["c"] == 2
    assert node["one"] is small  # the record is as it was
    assert "_target_" in node


def test_the_words_of_hydra_mean_what_they_mean_there(boxes):
    assert build_part({"_target_": "boxes.Box", "_args_": [1, 2], "three": 3}, "boxes").contents == (1, 2)
    later = build_part({"_target_": "boxes.Box", "_partial_": True, "one": 1}, "boxes")
    assert later(two=2).named == {"one": 1, "two": 2}
    kept = {"_target_": "os.system"}
    assert build_part({"_target_": "boxes.Box", "_recursive_": False, "later": kept}, "boxes").named == {"later": kept}


def test_a_class_within_a_class_is_found(boxes):
    assert type(build_part({"_target_": "boxes.Box.Lid"}, "boxes")).__qualname__ == "Box.Lid"


def test_a_module_of_a_package_can_be_allowed_alone(boxes):
    assert build_part({"_target_": "boxes.inner.Small"}, "boxes.inner")
    with pytest.raises(InputError, match=r"boxes\.Box is not a class of mwgan's networks and tasks: if you trust it, allow"):
        build_part({"_target_": "boxes.Box"}, "boxes.inner")


def test_what_an_allowed_package_only_imports_does_not_come_through(boxes):
    assert build_part({"_target_": "boxes.UNet", "width": 2, "depth": 1}, "boxes")  # mwgan's own, by whatever name
    with pytest.raises(InputError, match=r"but collections\.OrderedDict: if you trust it, allow its package \(allow=\('collections',"):
        build_part({"_target_": "boxes.OrderedDict"}, "boxes")


@pytest.mark.parametrize("name", ["make", "atomic_write", "half_built"])
def test_what_is_no_class_does_not_come_through(name, boxes):
    with pytest.raises(InputError, match=rf"boxes\.{name} is not a class, and a file may name only classes"):
        build_part({"_target_": f"boxes.{name}"}, "boxes")


@pytest.mark.parametrize("allow", [(), "box", "boxes.", "boxesandmore", "", ("", "."), "builtins"])
def test_only_the_package_of_that_name_is_opened(allow, boxes):
    with pytest.raises(InputError, match=r"boxes\.Box is not a class of mwgan's"):
        build_part({"_target_": "boxes.Box"}, allow)
    assert "boxes" not in sys.modules  # a refused package isn't even imported


@pytest.mark.parametrize(
    "target", ["print", "", ".", "boxes.", ".Box", "boxes..Box", "boxes/Box", "\x1b[2J.Box", 7, None, ["boxes.Box"], "x" * 9999]
)
def test_a_name_that_is_none_is_refused_in_one_short_sentence(target, boxes):
    with pytest.raises(
        InputError, match=r"is not a class of mwgan's networks and tasks, nor of a package that could be allowed"
    ) as refusal:
        build_part({"_target_": target}, ("boxes", "print", "", str(target)))
    assert len(str(refusal.value)) < 400
    assert str(refusal.value).isprintable()
    assert "mwgan.parts" in str(refusal.value)


def test_a_package_that_is_not_there_is_said_to_be_missing(boxes):
    with pytest.raises(InputError, match=r"nowhere\.Net can't be imported .*install its package.*PYTHONPATH"):
        build_part({"_target_": "nowhere.Net"}, "nowhere")
    with pytest.raises(InputError, match=r"can't be imported \(No module named 'a_package_that_nobody_has'\)"):
        build_part({"_target_": "boxes.broken.Net"}, "boxes")
    with pytest.raises(AttributeError, match="Gone"):
        build_part({"_target_": "boxes.Gone"}, "boxes")


def test_an_installed_part_needs_no_word_of_the_user(boxes, install):
    install("boxes", "boxes:Box", "elsewhere.inner")
    assert installed_parts() == ("boxes", "elsewhere.inner")
    assert build_part({"_target_": "boxes.Box"}).contents == ()
    with pytest.raises(InputError, match="collections"):
        build_part({"_target_": "boxes.OrderedDict"})


def test_the_conf_folder_of_an_installed_part_is_found(boxes, install):
    install("boxes", "boxes.inner", "nowhere", "nowhere.inner")
    assert configuration_folders() == []
    (boxes / "conf").mkdir()
    assert configuration_folders() == [boxes / "conf"]


@pytest.mark.parametrize(
    "node",
    [
        {"_target_": "torch.load", "f": "evil.ckpt", "weights_only": False},
        {"_target_": "os.system"},
        {"_target_": "mwgan.files.atomic.os.system"},
        {"_target_": "mwgan.recon.named.build_chosen"},
        {"_target_": "mwgan.parts.build_chosen"},
        {"_target_": "pytorch_lightning.cli.LightningCLI"},
        {"_target_": "pytorch_lightning.LightningModule.load_from_checkpoint"},
        {"_target_": "pytorch_lightning.callbacks.model_checkpoint.os.system"},
        {"_target_": "torch.optim.lr_scheduler.LambdaLR", "lr_lambda": {"_target_": "builtins.eval"}},
        {"_target_": 3},
        {"_target_": "mwgan.recon.load_reconstructor", "allow": ["evil"]},
        {"_target_": "mwgan.recon.load_reconstructor", "allow": "evil"},
    ],
)
def test_a_record_names_nothing_that_could_run_a_strangers_code(node):
    with pytest.raises(InputError, match=r"if you trust (it|the folder), add to the command line: allow=\["):
        check_recorded({"model": [{"inner": node}]})


def test_a_record_names_ours_and_what_the_user_allows(monkeypatch, tmp_path):
    for target in ("mwgan.networks.UNet", "mwgan.training.warmup_steps", "torch.optim.Adam", "torch.optim.lr_scheduler.CosineAnnealingLR"):
        check_recorded({"_target_": target})
    for target in ("pytorch_lightning.Trainer", "pytorch_lightning.callbacks.EarlyStopping", "pytorch_lightning.loggers.WandbLogger"):
        check_recorded({"_target_": target})
    (tmp_path / "mynet.py").write_text("class Tiny: ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match=r"allow=\[mynet\]"):
        check_recorded({"_target_": "mynet.Tiny"})
    check_recorded({"_target_": "mynet.Tiny", "allow": ["mynet"]}, allow=["mynet"])
