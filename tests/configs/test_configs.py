"""Every file of conf/ is composed, every node in it is built, and every experiment runs."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from mwgan.acquisition import Acquisition
from mwgan.cli.evaluate import evaluate
from mwgan.cli.train import train
from mwgan.configuration import build
from mwgan.data import Augmentation, ImageSource, MixedSources, SeriesSlices
from mwgan.data.synthetic_images import PosedSyntheticImages
from mwgan.evaluation import Confidence
from mwgan.losses import LSGAN, PixelLoss, RaLSGAN
from mwgan.paths import conf_dir
from mwgan.recon import Reconstructor
from mwgan.training import AdversarialModule, AtomPatches, DeArtifactExamples, MeasuredExamples

CONF = conf_dir()
APPLICATIONS = sorted(path.stem for path in CONF.glob("*.yaml"))
EXPERIMENTS = sorted(path.relative_to(CONF / "experiment").with_suffix("").as_posix() for path in CONF.glob("experiment/**/*.yaml"))
EVALUATIONS = [name for name in EXPERIMENTS if name.split("/")[-1].startswith("evaluate")]
FIGURES = [name for name in EXPERIMENTS if "/figures/" in name]
STAGED = [name for name in EXPERIMENTS if "\nstages:" in (CONF / "experiment" / f"{name}.yaml").read_text()]
TRAININGS = [name for name in EXPERIMENTS if name not in {*EVALUATIONS, *FIGURES, *STAGED}]
# One experiment of each model, kind of examples and way to begin; make test-all runs a batch of the others, too.
RUN_OFTEN = {
    "atoms/pixel",
    "beyond/lpd_gan",
    "beyond/lpd_guided",
    "ding2019/deartifact",
    "ding2019/reduced/finetune",
    "ding2019/reduced/inpainting_adversarial",
    "irdm2020/study",
    "shipped/irdm",
}
EVALUATED_SELDOM = {"beyond/evaluate_guided", "beyond/evaluate_trust"}  # like beyond/evaluate_wedges, with more methods
# Options of these groups only make sense on top of a whole configuration.
WHOLE = {"experiment", "debug", "launcher", "paths", "search"}
OPTIONS = sorted(
    (path.parent.relative_to(CONF).as_posix(), path.stem)
    for path in CONF.glob("*/**/*.yaml")
    if path.relative_to(CONF).parts[0] not in WHOLE
)

# What the nodes of a group build: the group itself, or each of its entries.
BUILDS = {
    "acquisition": Acquisition,
    "augmentation": Augmentation,
    "callbacks": pl.Callback,
    "data": ImageSource,
    "discriminator": torch.nn.Module,
    "examples": (AtomPatches, DeArtifactExamples, MeasuredExamples),
    "logger": pl.loggers.Logger,
    "loss": (PixelLoss, RaLSGAN, LSGAN),
    "method": Reconstructor,
    "model": AdversarialModule,
    "network": torch.nn.Module,
    "optimizer": torch.optim.Optimizer,
    "schedule": torch.optim.lr_scheduler.LRScheduler,
    "set_aside": (),  # plain names
    "source": (ImageSource, SeriesSlices),
    "tests": (ImageSource, SeriesSlices),
    "trainer": pl.Trainer,
    "uncertainty": Confidence,
    "wedge": (),  # plain numbers
}


SUBSTITUTED = ("data.missing=substitute", "paths.data=nowhere")  # where measured data belong, phantom faces
QUICK = (*SUBSTITUTED, "debug=smoke", "trainer.limit_train_batches=1", "+trainer.limit_val_batches=1", "trainer.accelerator=cpu")
QUICK += ("callbacks.progress_bar=null", "trainer.enable_progress_bar=false")


def composed(application: str, *overrides: str, output: Path = Path("unused")) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(application, overrides=[*overrides, f"paths.output_dir='{output}'"])


def nodes(config: DictConfig) -> list[DictConfig]:
    """The node itself if it names a class, else those of its entries that do, however deep."""
    if "_target_" in config:
        return [config]
    return [found for node in config.values() if isinstance(node, DictConfig) for found in nodes(node)]


def completed(made: object, group: str) -> object:
    """Optimisers and schedules are built without what only training knows."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    if group == "optimizer":
        return made([parameter])
    return made(torch.optim.SGD([parameter], lr=1.0)) if group == "schedule" else made


@pytest.mark.parametrize("application", APPLICATIONS)
def test_every_application_composes_and_every_reference_in_it_resolves(application, tmp_path):
    config = composed(application, output=tmp_path)
    OmegaConf.resolve(config)
    assert OmegaConf.missing_keys(config) == set()


@pytest.mark.parametrize("group", sorted({group for group, _ in OPTIONS}))
def test_every_option_of_every_group_composes_and_builds(group, tmp_path):
    options = [option for known, option in OPTIONS if known == group]
    if group == "logger":
        needed = {"wandb": "wandb", "all": "wandb", "mlflow": "mlflow"}
        options = [option for option in options if option not in needed or find_spec(needed[option]) is not None]
    application = "evaluate" if group == "method" else "train"
    at = {option: f"option_{number}" for number, option in enumerate(options)}
    here = [f"{place}.accelerator=cpu" for place in at.values() if group == "trainer"]  # a trainer is built for what is there
    with_data = ("data=d3", *SUBSTITUTED)  # which sets aside of every source
    config = composed(application, *(f"+{group}@{place}={option}" for option, place in at.items()), *with_data, *here, output=tmp_path)
    for option, place in at.items():
        node = config[place]
        OmegaConf.resolve(node)
        found = nodes(node)
        only_named = group == "method" and node.reconstructor is None  # by figures
        assert bool(found) == bool(BUILDS[group] and not only_named), option
        for one in found:
            assert isinstance(completed(build(one), group), BUILDS[group]), option


def test_every_group_is_known():
    assert {group for group, _ in OPTIONS} <= set(BUILDS)


SLOW = pytest.mark.slow


@pytest.mark.parametrize("source", ["train", pytest.param("validation", marks=SLOW), pytest.param("test", marks=SLOW)])
def test_sources_give_images_of_the_stated_size(source, tmp_path):
    for option in (name for group, name in OPTIONS if group == "data"):
        config = composed("train", f"data={option}", "data.size=32", *SUBSTITUTED, output=tmp_path)
        image = build(config.data[source]).image(0, np.random.default_rng(0))
        assert image.shape == (32, 32)
        assert image.dtype == np.float32


def drawn(part: DictConfig) -> set[tuple[str, object]]:
    """Source and number, or subject, of every image that a part of a data option can draw."""
    built = build(part)
    sources = built.sources if isinstance(built, MixedSources) else [built]
    images = [(source, index) for source in sources for index in range(len(source))]
    places = built.order if isinstance(built, MixedSources) else range(len(built))
    numbers = (images[place] for place in places)
    return {(one.name, one.offset + index if isinstance(one, PosedSyntheticImages) else one.origin(index)) for one, index in numbers}


@pytest.fixture(scope="module")
def measured(tmp_path_factory, write_nifti, write_dicom, write_photograph) -> Path:
    """A folder as paths.data names it: a dozen subjects of each kind."""
    folder = tmp_path_factory.mktemp("measured")
    rng = np.random.default_rng(0)
    for subject in range(12):
        write_nifti(folder / "brain" / f"{subject}.nii", rng.uniform(0, 1, (8, 8, 8)).astype(np.float32))
        write_photograph(folder / "dogs" / f"{subject}.png")
        for file in range(2):
            pixels = rng.integers(0, 1000, (8, 8)).astype(np.int16)
            write_dicom(folder / "ct" / f"{file}" / f"{subject}.dcm", pixels, PatientID=f"patient {subject}")
    return folder


@pytest.mark.parametrize("option", [name for group, name in OPTIONS if group == "data"])
def test_training_validation_and_test_share_no_image_and_no_subject(option, tmp_path, measured):
    here = (f"paths.data='{measured}'", f"paths.cache='{measured / 'cache'}'", "data.repeat=true", "data.size=16")
    data = composed("train", f"data={option}", *here, output=tmp_path).data
    train, validation, test = (drawn(data[part]) for part in ("train", "validation", "test"))
    assert train.isdisjoint(validation)
    assert train.isdisjoint(test)
    assert validation.isdisjoint(test)


@pytest.fixture(scope="module")
def inpainter_of(tmp_path_factory) -> Callable[[str], Path]:
    """The run folder of an inpainter such as the experiment's second stage learns on, trained for a moment."""
    runs: dict[str, Path] = {}

    def train_once(experiment: str) -> Path:
        first = experiment.replace("deartifact", "inpainting").replace("finetune", "inpainting")
        if first not in runs:
            runs[first] = tmp_path_factory.mktemp("inpainter")
            train(composed("train", f"experiment={first}", *QUICK, output=runs[first]))
        return runs[first]

    return train_once


@pytest.mark.parametrize("experiment", [name if name in RUN_OFTEN else pytest.param(name, marks=SLOW) for name in TRAININGS])
def test_every_training_experiment_runs_a_batch(experiment, tmp_path, inpainter_of):
    config = composed("train", f"experiment={experiment}", *QUICK, output=tmp_path)
    if "inpainted_wbp" in OmegaConf.to_container(config.model, resolve=True).get("examples", {}).get("mixture", {}):
        config.init = {"generator.inpainter": str(inpainter_of(experiment))}
    metrics = train(config)
    assert math.isfinite(metrics["val/psnr"])
    assert math.isfinite(metrics["train/pixel_loss"])
    assert metrics["train/batches"] == 1
    assert ("train/adversarial_loss" in metrics) == (config.model.discriminator is not None)
    for left_behind in ("checkpoints/last.ckpt", "record.json", "csv/metrics.csv", "panels/epoch_000.png"):
        assert (tmp_path / left_behind).stat().st_size > 0


@pytest.mark.parametrize("experiment", STAGED)
def test_the_stages_of_an_experiment_are_experiments(experiment, tmp_path):
    stages = composed("train", f"experiment={experiment}", output=tmp_path).stages
    earlier: list[str] = []
    for name, stage in stages.items():
        assert stage.experiment in TRAININGS
        begins_with = stage.get("init", OmegaConf.create({}))
        assert set(begins_with.values() if isinstance(begins_with, DictConfig) else [begins_with]) <= set(earlier)
        earlier.append(name)


@pytest.mark.parametrize("experiment", TRAININGS + STAGED)
def test_a_training_experiment_composes_and_is_named_after_its_file(experiment, tmp_path):
    config = composed("train", f"experiment={experiment}", output=tmp_path)
    OmegaConf.resolve(config)
    assert config.name == experiment


@pytest.mark.parametrize("experiment", [pytest.param(name, marks=SLOW) if name in EVALUATED_SELDOM else name for name in EVALUATIONS])
def test_every_evaluation_experiment_fills_its_table(experiment, tmp_path):
    quick = ["data.size=16", "step_deg=15", "wedges_deg=[45]", "images=1", "tuning_images=1", "kept_images=1", "checkpoints=null"]
    config = composed("evaluate", f"experiment={experiment}", *SUBSTITUTED, *quick, f"table='{tmp_path / 'results'}'", output=tmp_path)
    methods = {name: node for name, node in config.methods.items() if node is not None}
    for node in methods.values():
        node.tune = {name: list(values)[:1] for name, values in (node.tune or {}).items()}
        if "iterations" in node.reconstructor:
            node.reconstructor.iterations = 2
    if config.data_consistency:
        config.data_consistency = config.data_consistency[:1]
    evaluate(config)
    expected = {*methods, *(f"{name} + data" for name in methods if config.data_consistency)}
    lines = (tmp_path / "results.csv").read_text().splitlines()
    assert {line.split(",")[0] for line in lines} == {"method", *expected}
    assert "wbp" in expected


def test_irdm2020_on_d1_has_the_hyper_parameters_of_the_paper(tmp_path):
    config = composed("train", "experiment=irdm2020/d1", output=tmp_path)
    plain = OmegaConf.to_container(config, resolve=True)
    model, data = plain["model"], plain["data"]
    assert plain["trainer"]["max_epochs"] == 60
    assert plain["trainer"]["limit_train_batches"] is None
    assert (data["size"], data["batch_size"]) == (256, 32)
    assert data["train"]["_target_"] == "mwgan.data.PhantomFaces"
    assert (data["train"]["count"], data["train"]["size"], data["train"]["augment"]) == (45_000, 256, True)
    assert (plain["wedge"]["min_deg"], plain["wedge"]["max_deg"]) == (40.0, 60.0)
    assert plain["acquisition"]["noise"] == {"_target_": "mwgan.acquisition.NoNoise"}
    assert model["generator"]["_target_"] == "mwgan.networks.UNetPlusPlus"
    assert (model["generator"]["depth"], model["generator"]["normalization"], model["generator"]["residual"]) == (4, "batch", False)
    assert model["discriminator"]["_target_"] == "mwgan.networks.VGGDiscriminator"
    assert model["adversarial_loss"]["_target_"] == "mwgan.losses.RaLSGAN"
    for part in ("generator", "discriminator"):
        schedule = model[f"{part}_schedule"]
        assert schedule["_target_"] == "torch.optim.lr_scheduler.MultiStepLR"
        assert (schedule["milestones"], schedule["gamma"]) == ([45, 55], 0.1)
    parameter = [torch.nn.Parameter(torch.zeros(1))]
    adam, rmsprop = (build(config.model[f"{part}_optimizer"])(parameter) for part in ("generator", "discriminator"))
    assert isinstance(adam, torch.optim.Adam)
    assert isinstance(rmsprop, torch.optim.RMSprop)
    assert (adam.defaults["lr"], adam.defaults["betas"], adam.defaults["weight_decay"]) == (1e-4, (0.9, 0.99), 1e-4)
    assert (rmsprop.defaults["lr"], rmsprop.defaults["alpha"], rmsprop.defaults["weight_decay"]) == (1e-4, 0.99, 1e-4)
    built = build(config.acquisition)
    assert (built.wedge_deg, built.geometry.detector_size) == ((40.0, 60.0), 256)


def test_ding2019_has_the_hyper_parameters_of_the_paper(tmp_path):
    for experiment, generator, discriminator in (
        ("inpainting", "mwgan.networks.RRDB", "mwgan.networks.DualPathDiscriminator"),
        ("deartifact", "mwgan.recon.JointModel", "mwgan.networks.StackDiscriminator"),
    ):
        config = composed("train", f"experiment=ding2019/{experiment}", output=tmp_path)
        plain = OmegaConf.to_container(config, resolve=True)
        model = plain["model"]
        assert plain["trainer"]["max_epochs"] == 30
        assert (plain["data"]["size"], plain["data"]["batch_size"]) == (256, {"inpainting": 8, "deartifact": 32}[experiment])
        assert (plain["wedge"]["min_deg"], plain["wedge"]["max_deg"]) == (45.0, 45.0)
        assert (model["generator"]["_target_"], model["discriminator"]["_target_"]) == (generator, discriminator)
        assert (model["pixel_loss"]["norm"], model["adversarial_loss"]["_target_"]) == ("l2", "mwgan.losses.RaLSGAN")
        parameter = [torch.nn.Parameter(torch.zeros(1))]
        adam, rmsprop = (build(config.model[f"{part}_optimizer"])(parameter) for part in ("generator", "discriminator"))
        assert (adam.defaults["lr"], adam.defaults["betas"], adam.defaults["weight_decay"]) == (4e-4, (0.9, 0.999), 1e-4)
        assert (rmsprop.defaults["lr"], rmsprop.defaults["alpha"], rmsprop.defaults["weight_decay"]) == (4e-4, 0.99, 1e-4)
        assert rmsprop.defaults["momentum"] == 0
        for part, optimizer in (("generator", adam), ("discriminator", rmsprop)):
            rate = build(config.model[f"{part}_schedule"])(optimizer).lr_lambdas[0]
            assert [4e-4 * rate(epoch) for epoch in (0, 1, 2, 19, 20, 27, 28)] == pytest.approx([1e-4, 2e-4, 4e-4, 4e-4, 4e-5, 4e-5, 4e-6])
    inpainting = composed("train", "experiment=ding2019/inpainting", *SUBSTITUTED, output=tmp_path)
    assert (inpainting.model.generator.blocks, inpainting.model.generator.width, inpainting.model.generator.keep_measured) == (23, 64, True)
    assert [len(build(inpainting.data[part])) for part in ("train", "validation")] == [50_000, 5_000]
    deartifact = composed("train", "experiment=ding2019/deartifact", *SUBSTITUTED, output=tmp_path)
    assert [len(build(deartifact.data[part])) for part in ("train", "validation")] == [40_000, 5_000]
    assert dict(deartifact.model.examples.mixture) == {
        "missing_wbp": 10_000,
        "complete_wbp": 7_500,
        "missing_sart": 7_500,
        "inpainted_wbp": 20_000,
    }


FACES, MEASURED = 25_000, 10_000
IRDM_DATA = {  # Supplementary Table 1: images, and wedges in degrees
    "d1": ({"faces": 45_000}, (40, 60)),
    "d2": ({"faces": FACES, "brain": MEASURED, "ct": MEASURED}, (40, 60)),
    "d2_prime": ({"faces": FACES, "brain": MEASURED, "ct": MEASURED}, (40, 80)),
    "d3": ({"faces": FACES, "brain": MEASURED, "ct": MEASURED, "dogs": MEASURED}, (40, 60)),
    "d4": ({"faces": FACES, "brain": MEASURED, "ct": MEASURED, "dogs": MEASURED}, (45, 55)),
    "d5": ({"faces": FACES, "brain": MEASURED, "ct": MEASURED, "dogs": MEASURED}, (47.5, 52.5)),
    "d6": ({"faces": FACES, "brain": MEASURED, "ct": MEASURED, "dogs": MEASURED}, (35, 65)),
}
KINDS = ("pad_resize", "rotation", "flip", "affine", "noise_percent")


def kinds(source: DictConfig) -> set[str]:
    """What may happen to a source's images when they are drawn."""
    if "augmentation" in source:
        made = build(source.augmentation)
        return {kind for kind in KINDS if getattr(made, kind) != getattr(Augmentation(), kind)}
    drawn = {"pad_resize", "rotation"} if source.get("augment") else set()
    return drawn | ({"noise_percent"} if source.get("noise_percent") else set())


@pytest.mark.parametrize("option", IRDM_DATA)
def test_the_data_sets_of_irdm2020_have_the_images_wedges_and_augmentation_of_the_paper(option, tmp_path):
    config = composed("train", f"data={option}", *SUBSTITUTED, output=tmp_path)
    images, wedge = IRDM_DATA[option]
    train = config.data.train
    sources = train.sources if "sources" in train else {"faces": train}
    assert {name: len(build(source)) for name, source in sources.items()} == images
    assert len(build(train)) == sum(images.values()) == (55_000 if "dogs" in images else 45_000)
    assert build(config.acquisition).wedge_deg == wedge
    every = {"pad_resize", "rotation", "flip", "affine"}
    paper = {"faces": {"pad_resize", "rotation"}, "brain": every, "ct": every, "dogs": {"pad_resize"}}
    assert {name: kinds(source) for name, source in sources.items()} == {name: paper[name] for name in images}
    assert config.data.name == {"d2_prime": "D2'"}.get(option, option.upper())


@pytest.mark.parametrize("option", ["ding2019_inpainting", "ding2019_deartifact"])
def test_ding2019_has_the_images_and_augmentation_of_the_paper(option, tmp_path):
    data = composed("train", f"data={option}", *SUBSTITUTED, output=tmp_path).data
    built = {part: {name: len(build(source)) for name, source in data[part].sources.items()} for part in ("train", "validation")}
    together = {name: built["train"][name] + built["validation"][name] for name in built["train"]}
    assert together == {"dogs": 10_000, "shapes": 15_000, "brain": 15_000, "ct": 15_000}
    assert (data.wedge.min_deg, data.wedge.max_deg) == (45, 45)
    paper = {"dogs": {"pad_resize", "noise_percent"}, "shapes": {"pad_resize", "rotation", "noise_percent"}}
    paper |= {"brain": set(KINDS), "ct": set(KINDS)}
    assert {name: kinds(source) for name, source in data.train.sources.items()} == paper
    for source in data.validation.sources.values():
        assert kinds(source) == set()


def test_what_phantoms_stand_in_for_is_in_the_record_of_a_training(tmp_path):
    config = composed("train", "experiment=irdm2020/reduced/study", "data=d2", *QUICK, output=tmp_path)
    train(config)
    record = json.loads((tmp_path / "record.json").read_text())
    assert (record["train_data"], record["stand_ins"]) == ("D2", ["brain", "ct"])
    assert [(message["name"], "substituted" in message) for message in record["data"]] == [
        ("phantom_faces", False),
        ("brain (phantom faces)", True),
        ("ct (phantom faces)", True),
    ]
