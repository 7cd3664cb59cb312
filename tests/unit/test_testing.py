"""Our own methods, networks, tasks, sources and projectors pass the checks that we offer; classes that are wrong on purpose don't."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

import mwgan.data
import mwgan.operators
import mwgan.recon
from mwgan.data import (
    Augmentation,
    Challenge,
    DeadLeaves,
    MeasuredSeries,
    MixedSources,
    Nanocrystals,
    PhantomFaces,
    Photographs,
    RandomShapes,
    ScanSlices,
    Specimens,
)
from mwgan.geometry import Measurement
from mwgan.methods import MethodEntry, known_methods
from mwgan.networks import RRDB, UNet, UNetPlusPlus
from mwgan.operators import AstraParallelBeam, ParallelBeam, projector_for
from mwgan.parts import build_chosen
from mwgan.paths import shipped_weights
from mwgan.recon import (
    SART,
    TVM,
    WBP,
    DataConsistent,
    InpaintSinogram,
    JointModel,
    LearnedPrimalDual,
    RestoreMeasurement,
    RestoreWBP,
    load_reconstructor,
)
from mwgan.recon.settings import is_network
from mwgan.testing import check_network, check_projector, check_reconstructor, check_source

ROOT = Path(__file__).parents[2]
QUICK = {"SART": {"iterations": 1}, "SIRT": {"iterations": 10}, "TVM": {"iterations": 12}}  # passes decide no claim
# Networks are those that are shipped, below; what is only trained in a study is nowhere. The mixture asks several networks each time.
CLASSICAL = {name: entry for name, entry in known_methods().items() if entry.reconstructor and not is_network(entry)}


def first_choice(entry: MethodEntry) -> dict:
    """The parameters that a method tries first, and those of the one it continues from."""
    return (first_choice(known_methods()[entry.after]) if entry.after else {}) | {key: values[0] for key, values in entry.tune.items()}


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) if name == "auto" else name for name in sorted(CLASSICAL)])
def test_every_method_passes(name):
    entry = CLASSICAL[name]
    if entry.lacks:
        pytest.skip(f"{entry.lacks} is not installed")
    quick = QUICK.get(entry.reconstructor["_target_"].rpartition(".")[2], {})
    method = build_chosen({**entry.reconstructor, **first_choice(entry), **quick})
    check_reconstructor(method, sizes=(33,), scales=not entry.expects_unit_range)


@pytest.mark.parametrize("filter", ["shepp-logan", "hamming", "hann"])
def test_every_filter_passes(filter):
    check_reconstructor(WBP(filter, 0.75))


def test_subsets_of_several_tilts_pass():
    check_reconstructor(SART(2))


def test_a_method_inside_data_consistency_passes():
    check_reconstructor(DataConsistent(WBP(), iterations=5))


QUICK_NETWORKS = ("lpd",)
OF_VOLUMES = {"atoms"}  # which is no reconstructor of slices


@pytest.mark.parametrize(
    "name",
    [name if name in QUICK_NETWORKS else pytest.param(name, marks=pytest.mark.slow) for name in sorted({*shipped_weights()} - OF_VOLUMES)],
)
def test_every_shipped_network_passes(name):
    check_reconstructor(load_reconstructor(name), sizes=(33,), scales=False)


TASKS = {
    RestoreWBP: [UNetPlusPlus(width=4, depth=2), UNet(width=4, depth=2)],
    RestoreMeasurement: [
        LearnedPrimalDual(2, 2, 4, 4, 1),
        JointModel(RRDB(1, 4, 4), UNet(2, 1, 4, 1), 33, 5.0, measured_channel=True),
    ],
    partial(InpaintSinogram, 33, 5.0): [RRDB(1, 4, 4)],
}


@pytest.mark.parametrize(("task", "network"), [(task, network) for task, networks in TASKS.items() for network in networks])
def test_every_task_passes_with_its_networks(task, network):
    state = copy.deepcopy(network.state_dict())
    check_network(network, task(), sizes=(32, 33) if task in (RestoreWBP, RestoreMeasurement) else (33,))
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
    assert network.training


@pytest.fixture
def scans(tmp_path, write_nifti):
    """Three brain scans."""
    for subject in range(3):
        volume = np.random.default_rng(subject).normal(500, 100, (24, 28, 20)).astype(np.float32)
        write_nifti(tmp_path / "brain" / f"subject{subject}" / "scan.nii", volume)
    return ScanSlices(tmp_path / "brain", 16, "brain", cache=tmp_path, validation=0.3, test=0.3)


@pytest.fixture
def photographs(tmp_path, write_photograph):
    """Three classes of photographs."""
    for number in range(6):
        write_photograph(tmp_path / "dogs" / f"n{number // 2}" / f"{number}.png")
    return Photographs(tmp_path / "dogs", 16, "dogs", cache=tmp_path, validation=0.3, test=0.3)


@pytest.mark.parametrize("kind", [PhantomFaces, RandomShapes, DeadLeaves, Specimens])
def test_every_drawn_source_passes(kind):
    check_source(kind(32, 9, seed=3, offset=7))
    check_source(kind(33, 9, augment=True, noise_percent=5.0), draws_pose=True)


def test_particles_of_atoms_pass():
    pytest.importorskip("ase", reason="crystals are built by ase")
    check_source(Nanocrystals(32, 4, seed=3, offset=7, diameter_nm=0.8), images=4)
    check_source(Nanocrystals(33, 4, diameter_nm=0.8, exact=False, augment=True, noise_percent=5.0), images=4, draws_pose=True)


def test_every_other_source_passes(scans, photographs):
    check_source(Challenge(32), images=2)
    check_source(scans)
    check_source(photographs)
    check_source(MixedSources({"faces": PhantomFaces(16, 9), "scans": scans}, held_out=3, part="validation"))


def test_a_measured_series_passes():
    samples = ROOT / "samples/tooth"
    check_source(MeasuredSeries(samples / "tooth.mrc", samples / "tooth.tlt", size=64, name="tooth", turns=2), images=2)


@pytest.mark.parametrize(
    "make", [ParallelBeam, partial(ParallelBeam, method="matrix"), partial(ParallelBeam, method="matrix_free"), projector_for]
)
def test_every_projector_passes(make):
    check_projector(make)


def test_the_kernels_of_a_gpu_pass_without_one():
    from mwgan.operators import matrix_free

    class TiltByTilt(ParallelBeam):
        def _pair(self, like):
            return partial(matrix_free.project, self.geometry), partial(matrix_free.back_project, self.geometry)

    check_projector(TiltByTilt)


def test_astra_passes():
    pytest.importorskip("astra")
    check_projector(AstraParallelBeam, exact_float64=False)


def test_nothing_that_is_offered_is_left_unchecked():
    """What has the face of a task, a source or a projector is one of those above."""
    tasks = {getattr(task, "func", task).__name__ for task in TASKS}
    of_volumes = {"ShowAtoms"}  # which test_atom_volume.py checks
    assert {name for name in mwgan.recon.__all__ if hasattr(getattr(mwgan.recon, name), "see")} - {"Task"} - of_volumes == tasks
    sources = {"PhantomFaces", "RandomShapes", "DeadLeaves", "Challenge", "ScanSlices", "Photographs", "MixedSources", "MeasuredSeries"}
    sources |= {"Specimens", "Nanocrystals"}
    assert {name for name in mwgan.data.__all__ if hasattr(getattr(mwgan.data, name), "image")} - {"ImageSource"} == sources
    projectors = {"ParallelBeam", "AstraParallelBeam"}
    assert {name for name in mwgan.operators.__all__ if hasattr(getattr(mwgan.operators, name), "adjoint")} - {"Projector"} == projectors


# What is wrong on purpose, and the words that say so.


def wbp(measurement: Measurement) -> torch.Tensor:
    return WBP()(measurement)


def mixes_the_batch(measurement):
    tomogram = wbp(measurement)
    return tomogram * (1 + tomogram.mean())


def depends_on_the_place(measurement):
    tomogram = wbp(measurement)
    return tomogram * torch.linspace(1, 1.1, 3)[: len(tomogram)].reshape(-1, 1, 1, 1)


def ignores_the_mask(measurement):
    return SART(2)(Measurement(measurement.sinogram, torch.ones_like(measurement.measured), measurement.geometry))


def takes_one_mask_for_all(measurement):
    tilts = measurement.mask[-1].flatten()
    return WBP()(Measurement(measurement.sinogram, tilts, measurement.geometry))


def ignores_the_axis(measurement):
    centred = mwgan.geometry.TiltGeometry(measurement.geometry.tilt_deg, measurement.geometry.detector_size)
    return WBP()(Measurement(measurement.sinogram, measurement.measured, centred))


def knows_one_place_of_the_axis(measurement):
    same = replace(measurement.geometry, tilt_offset_px=())
    return WBP()(Measurement(measurement.sinogram, measurement.measured, same))


def writes_into_its_input(measurement):
    tomogram = wbp(measurement)
    measurement.sinogram.mul_(2)
    return tomogram


def breaks_off_at_double(measurement):
    return wbp(measurement) + torch.nn.functional.conv2d(measurement.sinogram, torch.zeros(1, 1, 1, 1)).sum()


def is_cut(measurement):
    return wbp(measurement)[..., 1:, :]


def moves(measurement):
    return wbp(measurement).roll(1, 3)


def moves_even_sizes(measurement):
    tomogram = wbp(measurement)
    return (tomogram + tomogram.roll(1, 2)) / 2 if tomogram.shape[-1] % 2 == 0 else tomogram


def knows_one_brightness(measurement):
    return wbp(measurement).clamp(0, 1)


def fails_at_nothing(measurement):
    return wbp(measurement) / measurement.sinogram.amax(dim=(2, 3), keepdim=True) * measurement.sinogram.amax(dim=(2, 3), keepdim=True)


def sees_the_layout(measurement):
    return wbp(measurement) * (1.0 if measurement.sinogram.is_contiguous() else 1.1)


WRONG_METHODS = [
    (print, "print gives a NoneType and no torch tensor"),
    (mixes_the_batch, "another result alone than beside others"),
    (depends_on_the_place, "(alone than beside others|another place of the batch)"),
    (ignores_the_mask, "takes rows that were not measured for data"),
    (takes_one_mask_for_all, "mixes up the wedges of a batch"),
    (ignores_the_axis, "does not obey the tilt axis' offset"),
    (knows_one_place_of_the_axis, "does not obey the tilt axis' offset: -2 pixels of it, 2 more at every second tilt,"),
    (writes_into_its_input, "writes into the measurement it is given"),
    (lambda given: wbp(given).double(), r"gives torch.float64, not torch.float32"),
    (lambda given: wbp(given).half(), r"gives torch.float16, not torch.float32"),
    (breaks_off_at_double, "ends in RuntimeError given float64"),
    (is_cut, r"gives \(3, 1, 31, 32\), not \(3, 1, 32, 32\)"),
    (lambda given: wbp(given)[:, 0], r"gives \(3, 32, 32\), not \(3, 1, 32, 32\)"),
    (lambda given: wbp(given).numpy(), "gives a ndarray and no torch tensor"),
    (lambda given: wbp(given).transpose(2, 3), "rows and columns exchanged"),
    (lambda given: wbp(given).flip(2), "upside down"),
    (lambda given: wbp(given).rot90(1, (2, 3)), "turned by a quarter"),
    (moves, r"1\.\d pixels right of and -?0.0 below its place"),
    (moves_even_sizes, r"0.5 below its place, given a complete series of 32 x 32"),
    (knows_one_brightness, "depends on the units of the data"),
    (fails_at_nothing, "not finite, given empty slices"),
    (sees_the_layout, "another layout in memory"),
    (lambda given: wbp(given) + 0.1 * torch.randn(()), "another result the second time|alone than beside"),
    (lambda given: wbp(given) * 0, "shows the specimen|farther from the specimen"),
    (lambda given: wbp(given) * 5, "farther from the specimen than an empty one"),
    (lambda given: given.nothing, "ends in AttributeError"),
]


@pytest.mark.parametrize(("method", "said"), WRONG_METHODS)
def test_a_wrong_method_is_caught(method, said):
    with pytest.raises(AssertionError, match=said):
        check_reconstructor(method)


@pytest.mark.parametrize(
    ("method", "taken_back"),
    [
        (takes_one_mask_for_all, "wedge_per_sample"),
        (ignores_the_axis, "axis_offset"),
        (knows_one_brightness, "scales"),
        (lambda given: wbp(given).flip(2), "reconstructs"),
    ],
)
def test_a_claim_can_be_taken_back(method, taken_back):
    check_reconstructor(method, **{taken_back: False})


def test_a_weight_that_is_tied_to_units_must_be_said():
    with pytest.raises(AssertionError, match="wrap it in Normalized and check it with scales=False"):
        check_reconstructor(TVM(iterations=30), sizes=(32,))


class Layer(torch.nn.Module):
    """One convolution, and what a test makes of it."""

    def __init__(self, change=lambda layer, seen: layer(seen)) -> None:
        super().__init__()
        self.layer, self.change = torch.nn.Conv2d(1, 1, 3, padding=1), change

    def forward(self, seen):
        return self.change(self.layer, seen)


class Unregistered(Layer):
    def __init__(self) -> None:
        super().__init__()
        self.tensor = torch.ones(1, 1, 3, 3)

    def forward(self, seen):
        return torch.nn.functional.conv2d(self.layer(seen), self.tensor, padding=1)


class Counts(Layer):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, seen):
        self.calls += 1
        return self.layer(seen)


class Idle(Layer):
    def __init__(self) -> None:
        super().__init__()
        self.unused = torch.nn.Linear(2, 2)


WRONG_NETWORKS = [
    (print, "print is no torch.nn.Module"),
    (Layer(lambda layer, seen: layer(seen)[..., :-1]), r"not \(3, 1, 32, 32\)"),
    (Layer(lambda layer, seen: torch.nn.functional.avg_pool2d(layer(seen), 2).repeat_interleave(2, 2).repeat_interleave(2, 3)), r"33, 33"),
    (Layer(lambda layer, seen: layer(seen) - layer(seen).mean()), "alone than beside others"),
    (Layer(lambda layer, seen: layer(seen.mul_(2))), "writes into what it is given"),
    (Layer(lambda layer, seen: layer(seen) + torch.rand(())), "another result the second time"),
    (Layer(lambda layer, seen: layer(seen).detach()), "no gradient reaches"),
    (Layer(lambda layer, seen: (layer(seen) * 0).sqrt() + layer(seen)), "gradients that are not finite"),
    (Unregistered(), "moved to float64"),
    (Counts(), "changes calls while it is used"),
    (Idle(), "gives no gradient to unused.weight, unused.bias"),
    (torch.nn.Identity(), "no gradient reaches"),
]


@pytest.mark.parametrize(("network", "said"), WRONG_NETWORKS)
def test_a_wrong_network_is_caught(network, said):
    with pytest.raises(AssertionError, match=said):
        check_network(network)


def test_a_right_network_passes():
    check_network(Layer())
    check_network(Idle(), all_trained=False)


class Images:
    """A source that draws right, and what a test makes of its images."""

    name, size = "images", 16

    def __init__(self, change=lambda image, index, rng: image, **message) -> None:
        self.change = change
        self.__dict__.update(message)

    def __len__(self):
        return 3

    def image(self, index, rng):
        if not 0 <= index < 3:
            raise IndexError(index)
        image = np.random.default_rng(index).random((16, 16)).astype(np.float32)
        return self.change(image, index, rng)

    def __reduce__(self):
        return Images, ()  # what a test changes can't be pickled


class Asked(Images):
    """Each image depends on how many were asked for before."""

    def image(self, index, rng):
        self.__dict__["asked"] = self.__dict__.get("asked", 0) + 1
        return (super().image(index, rng) / self.asked).astype(np.float32)


class Kept(Images):
    kept = [np.full((16, 16), 0.1 * k, np.float32) for k in range(3)]  # noqa: RUF012

    def image(self, index, rng):
        return self.kept[index]


class Sealed(Images):
    def __reduce__(self):
        raise TypeError("not for others")


class Endless(Images):
    def image(self, index, rng):
        return super().image(index % 3, rng)


WRONG_SOURCES = [
    (print, "print has no size|print has no name"),
    (Images(name=""), "has no name"),
    (Images(size=17), r"gives \(16, 16\), not \(17, 17\)"),
    (Images(lambda image, index, rng: image.astype(np.float64)), "gives float64, not float32"),
    (Images(lambda image, index, rng: image * 2), r"not within \[0, 1\]"),
    (Images(lambda image, index, rng: image - 0.5), r"not within \[0, 1\]"),
    (Images(lambda image, index, rng: image * np.float32("nan")), r"not within \[0, 1\]"),
    (Images(lambda image, index, rng: torch.from_numpy(image)), "gives a Tensor and no numpy array"),
    (Images(lambda image, index, rng: image * np.float32(rng.random())), "another image 2 for another generator"),
    (Images(lambda image, index, rng: image * np.float32(np.random.random())), "another image 2 the second time"),  # noqa: NPY002
    (Images(lambda image, index, rng: image * 0), "the same image under every index"),
    (Asked(), "another image 2 the second time"),
    (Kept(), "gives away its own memory"),
    (Sealed(), "ends in TypeError .not for others., given a worker"),
    (Endless(), "gives an image 3 of 3, which is an IndexError"),
    (Images(augmentation=lambda index: 3), "no mwgan.data.Augmentation"),
    (Images(origin=lambda index: 3), "neither text nor None"),
    (Images(background=lambda index: np.zeros((8, 8))), r"without its features as \(8, 8\), not \(16, 16\)"),
    (Images(describe=lambda: [{"size": np.float32(1)}]), "can't go into a run's record"),
]


@pytest.mark.parametrize(("source", "said"), WRONG_SOURCES)
def test_a_wrong_source_is_caught(source, said):
    with pytest.raises(AssertionError, match=said):
        check_source(source)


def test_a_right_source_passes():
    check_source(Images(augmentation=lambda index: Augmentation(rotation=True), origin=lambda index: "somebody"))


class Bent(ParallelBeam):
    """Our projector, and what a test makes of it."""

    def __init__(self, geometry, forward=lambda rows: rows, backward=lambda image: image) -> None:
        super().__init__(geometry)
        self.forward, self.backward = forward, backward

    def __call__(self, image):
        return self.forward(super().__call__(image))

    def adjoint(self, sinogram):
        return self.backward(super().adjoint(sinogram))


def bent(forward=lambda rows: rows, backward=lambda image: image):
    return partial(Bent, forward=forward, backward=backward)


def without_axis(geometry):
    return ParallelBeam(mwgan.geometry.TiltGeometry(geometry.tilt_deg, geometry.detector_size))


class Turned(ParallelBeam):
    """Turns the other way."""

    def __call__(self, image):
        return super().__call__(image.flip(2))

    def adjoint(self, sinogram):
        return super().adjoint(sinogram).flip(2)


class Writes(ParallelBeam):
    def __call__(self, image):
        image.mul_(2)
        return super().__call__(image)


WRONG_PROJECTORS = [
    (print, "print can't be called with slices"),
    (lambda geometry: ParallelBeam(geometry).__call__, "can't be called with sinograms"),
    (bent(lambda rows: rows[..., 1:]), r"gives \(3, 1, 9, 31\), not \(3, 1, 9, 32\)"),
    (bent(lambda rows: rows.float()), "gives torch.float32, not torch.float64"),
    (bent(lambda rows: rows - rows.mean()), "alone than beside others"),
    (bent(lambda rows: rows.abs().sqrt()), "is not linear"),
    (bent(backward=lambda image: image * 1.01), "adjoint that is not its own"),
    (bent(lambda rows: rows.detach()), "lets no gradient through its projection"),
    (bent(lambda rows: rows / 2, lambda image: image / 2), "does not keep the mass"),
    (bent(lambda rows: rows.roll(1, 3), lambda image: image), "adjoint that is not its own"),
    (Turned, "puts the pixel"),
    (without_axis, "puts the pixel .*axis offset of 2.25"),
    (lambda geometry: ParallelBeam(replace(geometry, tilt_offset_px=())), "puts the pixel .*axis offset of (3|1.5)"),
    (Writes, "writes into the image it is given"),
]


@pytest.mark.parametrize(("make", "said"), WRONG_PROJECTORS)
def test_a_wrong_projector_is_caught(make, said):
    with pytest.raises(AssertionError, match=said):
        check_projector(make)


def test_a_near_adjoint_must_be_said():
    check_projector(bent(backward=lambda image: image * 1.01), exact_adjoint=False)
