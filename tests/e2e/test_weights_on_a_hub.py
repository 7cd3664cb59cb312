"""Weights go to a hub and come back: by a server of this test's own, on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml
from called import mwgan

from mwgan.errors import InputError, MissingExtraError
from mwgan.files import hub as on_hub
from mwgan.files.card import FENCE, front_matter
from mwgan.files.hub import HUB_WEIGHTS, HubName, fetch, parse_hub_name
from mwgan.files.published import CARD
from mwgan.files.shards import INDEX
from mwgan.files.weights import read_weights, save_weights
from mwgan.networks import UNetPlusPlus
from mwgan.paths import shipped_weights
from mwgan.recon import load_reconstructor
from mwgan.recon.named import make_method

SMALL = {"in_channels": 1, "out_channels": 1, "width": 4, "depth": 2}
RECORD = {
    "generator": {"_target_": "mwgan.networks.UNetPlusPlus", **SMALL},
    "task": {"_target_": "mwgan.recon.RestoreWBP"},
    "geometry": {"detector_size": 32, "step_deg": 3.0},
    "wedge_deg": [40.0, 60.0],
    "train_data": "drawn",
    "data": [{"name": "phantom_faces", "images": 45000, "licence": "none needed"}],
    "seed": 3,
    "command": "mwgan-train paths.run_dir=/home/somebody/run",
}


@pytest.fixture
def small(tmp_path) -> Path:
    """Weights of a small network."""
    file = tmp_path / "small.safetensors"
    save_weights(file, UNetPlusPlus(**SMALL).state_dict(), RECORD)
    return file


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub that huggingface_hub takes for the one there is."""
    pytest.importorskip("huggingface_hub", reason="hubs need huggingface_hub")
    from hub_server import hub as serve

    with serve() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.endpoint)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("HF_TOKEN", "hf_of_the_test")
        fetch.cache_clear()
        yield server
    fetch.cache_clear()


def matter(card: str) -> dict[str, object]:
    """What stands on top of a card."""
    nothing, facts, _ = card.split(FENCE, 2)
    assert not nothing
    return yaml.safe_load(facts)


def test_what_is_pushed_comes_back(hub, small, tmp_path):
    done = mwgan("weights", "push", small, "hf://me/small", "--license", "cc-by-4.0", "--private")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{hub.endpoint}/me/small/commit/")
    assert hub.private == {"me/small": True}
    revision, files = hub.commit("me/small")
    assert set(files) == {HUB_WEIGHTS, CARD}
    assert files[HUB_WEIGHTS] != small.read_bytes()  # the record of a file that travels names no folders
    assert matter(files[CARD].decode())["license"] == "cc-by-4.0"
    for name in ("hf://me/small", f"hf://me/small@{revision}", f"hf://me/small/{HUB_WEIGHTS}"):
        done = mwgan("weights", "pull", name, "-o", tmp_path / "pulled.safetensors")
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "pulled.safetensors").read_bytes() == files[HUB_WEIGHTS]
    assert hub.downloads == [HUB_WEIGHTS]  # kept from the first time on


def test_a_name_on_a_hub_is_taken_wherever_a_network_is(hub, small, tmp_path):
    assert mwgan("weights", "push", small, "hf://me/small").returncode == 0
    record, state = read_weights(small)
    loaded = load_reconstructor("hf://me/small")
    assert loaded.record.seed == record.seed
    assert all(torch.equal(value, state[key]) for key, value in loaded.generator.state_dict().items())
    make_method("hf://me/small")
    series, volume = tmp_path / "series.mrc", tmp_path / "volume.mrc"
    assert mwgan("simulate", series, "--size", 32, "--slices", 2, "--step", 3).returncode == 0
    done = mwgan("reconstruct", series, "--tilts", series.with_suffix(".tlt"), "--method", "hf://me/small", "-o", volume)
    assert done.returncode == 0, done.stderr
    assert volume.is_file()


def test_weights_in_shards_come_back_as_one_file(hub, tmp_path):
    assert mwgan("weights", "export", "irdm_pixel", "-o", tmp_path / "shards", "--max-shard-mib", 2).returncode == 0
    hub.put("me/shards", {file.name: file.read_bytes() for file in (tmp_path / "shards").iterdir()})
    assert fetch("hf://me/shards").name == INDEX
    assert mwgan("weights", "pull", "hf://me/shards", "-o", tmp_path / "one.safetensors").returncode == 0
    (_, state), (_, same) = read_weights(shipped_weights()["irdm_pixel"]), read_weights(tmp_path / "one.safetensors")
    assert state.keys() == same.keys()
    assert all(torch.equal(value, same[key]) for key, value in state.items())


def test_what_was_pulled_is_there_when_the_hub_is_not(hub, small, tmp_path, monkeypatch):
    assert mwgan("weights", "push", small, "hf://me/small").returncode == 0
    load_reconstructor("hf://me/small")
    fetch.cache_clear()
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    load_reconstructor("hf://me/small")
    done = mwgan("weights", "pull", "hf://me/never_seen", "-o", tmp_path / "pulled.safetensors")
    assert done.returncode == 2
    assert "the hub is out of reach: check the network" in done.stderr
    done = mwgan("weights", "push", small, "hf://me/small")
    assert done.returncode == 2
    assert "the hub is out of reach: check the network" in done.stderr


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("hf://me", "write hf://ORG/NAME"),
        ("hf://me/../small", "write hf://ORG/NAME"),
        ("hf://me/nothing", "the hub shows no repository me/nothing: check the name"),
        ("hf://me/other@v7", "me/other has no revision v7"),
        ("hf://me/other/absent.safetensors", "me/other holds no file absent.safetensors"),
        ("hf://me/other/pytorch_model.bin", "read as safetensors alone"),
        ("hf://me/other", f"holds neither {HUB_WEIGHTS} nor {INDEX}: name its weights file"),
        ("hf://me/of_others", "is not a checkpoint of mwgan, or it is damaged"),
        ("hf://gated/mine", "accepted its terms"),
    ],
)
def test_what_cannot_be_had_is_said_and_nothing_is_written(name, said, hub, tmp_path):
    hub.put("me/other", {"pytorch_model.bin": b"pickled", CARD: b"a card"})
    hub.put("me/of_others", {HUB_WEIGHTS: b"no weights of ours"})
    done = mwgan("weights", "pull", name, "-o", tmp_path / "pulled.safetensors")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "pulled.safetensors").exists()
    assert "pytorch_model.bin" not in hub.downloads


@pytest.mark.parametrize(
    ("target", "said"), [("hf://closed/mine", "log in (hf auth login)"), ("hf://me/mine@v1", "leave the revision and the file out")]
)
def test_what_may_not_be_pushed_is_said(target, said, hub, small):
    done = mwgan("weights", "push", small, target)
    assert done.returncode == 2
    assert said in done.stderr
    assert set(hub.repositories) == {"gated/mine"}


def test_a_folder_shows_what_would_be_published(small, tmp_path):
    folder = tmp_path / "folder"
    assert mwgan("weights", "push", small, folder, "--license", "mit").returncode == 0
    card = (folder / CARD).read_text(encoding="utf-8")
    assert matter(card) == {**matter(front_matter("mit")), "library_name": "mwgan"}
    for fact in ("40° to 60°", "32 pixels", "phantom_faces (45,000 images, none needed)", "up to 3°", "| seed, commit | 3,"):
        assert fact in card
    assert "/home/somebody" not in card
    assert load_reconstructor(folder).record.seed == 3
    again = mwgan("weights", "push", small, folder)
    assert again.returncode == 2
    assert "give the name of a new folder" in again.stderr


def test_a_card_of_ones_own_is_published_as_it_is(small, tmp_path):
    own = tmp_path / "own.md"
    for text, expected in (("# Mine\n", f"{front_matter()}\n# Mine\n"), ("---\nlicense: mit\n---\n# Mine\n",) * 2):
        own.write_text(text)
        folder = tmp_path / f"folder{len(text)}"
        assert mwgan("weights", "push", small, folder, "--card", own).returncode == 0
        assert (folder / CARD).read_text() == expected
    done = mwgan("weights", "push", small, tmp_path / "more", "--card", tmp_path / "absent.md")
    assert done.returncode == 2
    assert "can't be read as text" in done.stderr
    assert not (tmp_path / "more").exists()


def test_cards_of_shipped_networks_are_cards_of_a_hub(tmp_path):
    for file in shipped_weights().values():
        assert file.with_suffix(".md").read_text(encoding="utf-8").startswith(front_matter("mit"))
    assert mwgan("weights", "push", "lpd", tmp_path / "lpd").returncode == 0
    assert (tmp_path / "lpd" / CARD).read_text(encoding="utf-8") == shipped_weights()["lpd"].with_suffix(".md").read_text(encoding="utf-8")


def test_names_have_parts():
    assert parse_hub_name("hf://an-org/a.name") == HubName("an-org/a.name")
    assert parse_hub_name("hf://org/name@v1.0/sub/file.safetensors") == HubName("org/name", "v1.0", "sub/file.safetensors")
    with pytest.raises(InputError, match="no name on a hub"):
        parse_hub_name("hf://org/name@/file")


def test_without_huggingface_hub_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(on_hub, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'mwgan\[hub\]'"):
        load_reconstructor("hf://me/small")
