from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from mwgan.acquisition import Acquisition, GaussianNoise, Sample
from mwgan.data.source import draw_seed
from mwgan.errors import InputError
from mwgan.geometry import Measurement
from mwgan.networks import RRDB
from mwgan.recon import SART, WBP, JointModel
from mwgan.training import DeArtifactExamples, MeasuredExamples
from mwgan.training.deartifact import KINDS, inpainter_checkpoints

SIZE, STEP = 16, 10.0
TABLE_3 = {"missing_wbp": 10_000, "complete_wbp": 7_500, "missing_sart": 7_500, "inpainted_wbp": 20_000}
NETWORK = {"_target_": "mwgan.networks.RRDB", "blocks": 1, "width": 2, "growth": 1}
TASK = {"_target_": "mwgan.recon.InpaintSinogram", "detector_size": SIZE, "step_deg": STEP}
NAMES = ["epoch_004.ckpt", "epoch_009.ckpt", "last.ckpt"]


class Labelled(JointModel):
    """Writes -1 where an inpainted tomogram should stand."""

    def inpaint(self, measurement: Measurement, inpainter: nn.Module | None = None) -> Tensor:
        return torch.full((len(measurement.sinogram), 1, SIZE, SIZE), -1.0)


def inpainter(seed: int) -> RRDB:
    torch.manual_seed(seed)
    return RRDB(blocks=1, width=2, growth=1)


def joint(kind: type[JointModel] = JointModel, measured_channel: bool = False) -> JointModel:
    return kind(inpainter(99), nn.Conv2d(1, 1, 1), SIZE, STEP, "hann", measured_channel)


def acquisition() -> Acquisition:
    return Acquisition(SIZE, STEP, (40.0, 100.0), GaussianNoise(2.0))


def batch(count: int, first: int = 0) -> Sample:
    """Random images, seeded as in training; sample k is the same in every batch."""
    numbers = torch.arange(first, first + count)
    images = [torch.rand(1, SIZE, SIZE, generator=torch.Generator().manual_seed(int(number))) for number in numbers]
    return Sample(torch.stack(images), torch.tensor([draw_seed(0, 0, int(number)) for number in numbers]), numbers)


def fast_sart() -> SART:
    return SART(iterations=2, subsets=3)


@pytest.fixture
def run(tmp_path) -> Path:
    """An inpainter's run folder: three checkpoints with other weights each, as Lightning writes them."""
    (tmp_path / "checkpoints").mkdir()
    for seed, name in enumerate(NAMES):
        state = {f"generator.{key}": value for key, value in inpainter(seed).state_dict().items()}
        record = {"generator": NETWORK, "task": TASK, "geometry": {"detector_size": SIZE, "step_deg": STEP}, "wedge_deg": [45.0, 45.0]}
        content = {"mwgan": record, "state_dict": {**state, "discriminator.score.bias": torch.zeros(1), "batches": torch.tensor(3)}}
        torch.save(content, tmp_path / "checkpoints" / name)
    return tmp_path


def expected(kind: str, sample: Sample, networks: list[nn.Module]) -> list[Tensor]:
    """What a sample of a kind may look like, computed directly; one for each inpainter, one otherwise."""
    complete = torch.full((len(sample.image),), kind == "complete_wbp")
    measurement = acquisition()(sample.image, sample.seed, complete)
    if kind == "missing_sart":
        return [fast_sart()(measurement)]
    if kind == "inpainted_wbp":
        with torch.no_grad():
            return [joint().inpaint(measurement, network) for network in networks]
    return [WBP("hann")(measurement)]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_what_it_says(kind, run):
    examples, sample = DeArtifactExamples({kind: 3.0}, str(run), fast_sart()), batch(6)
    seen, target = examples(sample, acquisition(), joint())
    candidates = expected(kind, sample, [inpainter(seed) for seed in range(3)])
    assert seen.shape == sample.image.shape
    for number in range(6):
        assert sum(torch.allclose(seen[number], candidate[number], rtol=1e-4, atol=1e-4) for candidate in candidates) == 1
    assert torch.equal(target, sample.image)
    assert not seen.requires_grad


def test_the_kinds_differ_and_a_mixed_batch_holds_several_of_them(run):
    sample = batch(40)
    seen, _ = DeArtifactExamples(TABLE_3, str(run), fast_sart())(sample, acquisition(), joint())
    networks = [inpainter(seed) for seed in range(3)]
    candidates = [(kind, candidate) for kind in KINDS for candidate in expected(kind, sample, networks)]
    found = []
    for number in range(40):
        fits = [kind for kind, candidate in candidates if torch.allclose(seen[number], candidate[number], rtol=1e-4, atol=1e-4)]
        assert len(fits) == 1
        found += fits
    assert set(found) == set(KINDS)


@pytest.mark.parametrize(
    "mixture", [TABLE_3, {"missing_sart": 1, "missing_wbp": 3}, {"missing_wbp": 0, "complete_wbp": 0.2, "inpainted_wbp": 0.6}]
)
def test_proportions_follow_the_mixture(mixture, run):
    count = 1200
    examples = DeArtifactExamples(mixture, str(run), lambda measurement: torch.full((len(measurement.sinogram), 1, SIZE, SIZE), 7.0))
    acquire, sample = acquisition(), batch(count)
    seen, _ = examples(sample, acquire, joint(Labelled))
    complete = WBP("hann")(acquire(sample.image, sample.seed, torch.ones(count, dtype=torch.bool)))
    drawn = {
        "missing_sart": (seen == 7).flatten(1).all(dim=1),
        "inpainted_wbp": (seen == -1).flatten(1).all(dim=1),
        "complete_wbp": torch.isclose(seen, complete, rtol=1e-4, atol=1e-4).flatten(1).all(dim=1),
    }
    drawn["missing_wbp"] = ~torch.stack(list(drawn.values())).any(dim=0)
    for kind, members in drawn.items():
        share = mixture.get(kind, 0) / sum(mixture.values())
        assert int(members.sum()) == pytest.approx(count * share, abs=4 * (count * share * (1 - share)) ** 0.5 + 1e-9), kind


def test_only_the_ratios_of_the_shares_count(run):
    sample = batch(12)
    first, _ = DeArtifactExamples(TABLE_3, str(run), fast_sart())(sample, acquisition(), joint())
    scaled = {kind: share / 1e6 for kind, share in reversed(TABLE_3.items())}
    second, _ = DeArtifactExamples(scaled, str(run), fast_sart())(sample, acquisition(), joint())
    assert torch.equal(first, second)


def test_the_kind_says_nothing_about_the_wedge(run):
    # One in sixteen: a draw shared with the wedge would show in a few of its bits.
    count, acquire = 1600, acquisition()
    sample = batch(count)
    seen, _ = DeArtifactExamples({"missing_wbp": 1, "inpainted_wbp": 15}, str(run))(sample, acquire, joint(Labelled))
    rare = (seen != -1).flatten(1).any(dim=1)
    tilts = acquire(sample.image, sample.seed).mask.sum(dim=2).flatten().float()
    assert 60 < int(rare.sum()) < 140
    assert abs(tilts[rare].mean() - tilts[~rare].mean()) < 4 * tilts.std() / float(rare.sum()) ** 0.5


def test_an_example_is_the_same_whatever_its_batch(run):
    examples = DeArtifactExamples(TABLE_3, str(run), fast_sart())
    together, _ = examples(batch(16), acquisition(), joint())
    for first in range(0, 16, 4):
        alone, _ = DeArtifactExamples(TABLE_3, str(run), fast_sart())(batch(4, first), acquisition(), joint())
        torch.testing.assert_close(together[first : first + 4], alone, rtol=1e-4, atol=1e-4)


def test_another_seed_is_another_example(run):
    examples, sample = DeArtifactExamples(TABLE_3, str(run), fast_sart()), batch(4)
    first, _ = examples(sample, acquisition(), joint())
    second, _ = examples(sample._replace(seed=sample.seed + 1), acquisition(), joint())
    assert all(not torch.allclose(one, other) for one, other in zip(first, second, strict=True))


def test_every_checkpoint_of_the_run_inpaints_its_share(run):
    sample = batch(120)
    seen, _ = DeArtifactExamples({"missing_wbp": 1, "inpainted_wbp": 1}, str(run))(sample, acquisition(), joint())
    candidates = expected("inpainted_wbp", sample, [inpainter(seed) for seed in range(3)])
    counts = [int(torch.isclose(seen, candidate, rtol=1e-4, atol=1e-4).flatten(1).all(dim=1).sum()) for candidate in candidates]
    assert 40 <= sum(counts) <= 80
    assert min(counts) >= 8


def test_the_inpainters_of_the_run_are_read_once_and_never_change(run):
    examples, sample = DeArtifactExamples({"inpainted_wbp": 1}, str(run)), batch(8)
    model = joint()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    first, _ = examples(sample, acquisition(), model)
    for name in NAMES:
        (run / "checkpoints" / name).unlink()
    model.train()
    second, _ = examples(sample, acquisition(), model)
    assert torch.equal(first, second)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_with_a_measured_channel_the_measured_rows_are_shown_beside_every_kind(run):
    examples, sample = DeArtifactExamples(TABLE_3, str(run), fast_sart()), batch(24)
    plain, _ = examples(sample, acquisition(), joint())
    seen, _ = examples(sample, acquisition(), joint(measured_channel=True))
    assert seen.shape == (24, 2, SIZE, SIZE)
    assert torch.equal(seen[:, :1], plain)
    complete = [number for number in range(24) if torch.equal(seen[number, 0], seen[number, 1])]
    missing = WBP("hann")(acquisition()(sample.image, sample.seed))
    beside = torch.isclose(seen[:, 1:], missing, rtol=1e-4, atol=1e-4).flatten(1).all(dim=1)
    assert 0 < int(beside.sum()) < 24
    assert all(bool(beside[number]) or number in complete for number in range(24))


def test_a_mixture_without_inpainted_tomograms_needs_no_inpainters():
    seen, _ = DeArtifactExamples({"missing_wbp": 1})(batch(3), acquisition(), joint())
    torch.testing.assert_close(seen, WBP("hann")(acquisition()(batch(3).image, batch(3).seed)))


@pytest.mark.parametrize(
    "mixture", [{"missing_tvm": 1}, {}, {"missing_wbp": -1, "complete_wbp": 2}, {"missing_wbp": 0}, {"missing_wbp": float("nan")}]
)
def test_impossible_mixtures_are_refused(mixture):
    with pytest.raises(InputError, match="the mixture takes shares of 0 or more of missing_wbp"):
        DeArtifactExamples(mixture)


def test_inpainted_tomograms_without_inpainters_are_refused():
    with pytest.raises(InputError, match="give init="):
        DeArtifactExamples({"inpainted_wbp": 1})(batch(2), acquisition(), joint())


def test_a_folder_without_a_last_checkpoint_is_refused(run):
    (run / "checkpoints" / "last.ckpt").unlink()
    with pytest.raises(InputError, match=r"no checkpoints/last\.ckpt"):
        DeArtifactExamples({"inpainted_wbp": 1}, str(run))(batch(2), acquisition(), joint())


def test_checkpoints_are_those_kept_along_the_way_and_the_last(run):
    (run / "checkpoints" / "best.ckpt").touch()
    assert [path.name for path in inpainter_checkpoints(run)] == NAMES
    for kept in NAMES[:2]:
        (run / "checkpoints" / kept).unlink()
    assert [path.name for path in inpainter_checkpoints(str(run))] == ["last.ckpt"]


def test_measured_examples_lose_no_wedge_as_often_as_asked():
    acquisition = Acquisition(16, 10.0, (60.0, 60.0))
    sample = Sample(torch.rand(400, 1, 16, 16), torch.arange(400), torch.arange(400))
    measurement, target = MeasuredExamples(0.25)(sample, acquisition, torch.nn.Identity())
    complete = measurement.mask.all(dim=2).flatten()
    assert target is sample.image
    assert 0.18 < complete.float().mean() < 0.32
    again, _ = MeasuredExamples(0.25)(Sample(*(field[7:8] for field in sample[:3])), acquisition, torch.nn.Identity())
    assert torch.equal(again.mask, measurement.mask[7:8])
    with pytest.raises(InputError, match=r"must be in \[0, 1\]"):
        MeasuredExamples(1.5)
