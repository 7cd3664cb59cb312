"""Sources that read a folder of the user's: what they take, how they split, what they refuse, what stands in for them."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from mwgan.data import Augmentation, Photographs, ScanSlices
from mwgan.data.datamodules import ImageDataModule
from mwgan.data.subjects import PARTS, among, hashes_of, in_turn, split
from mwgan.errors import InputError
from mwgan.paths import PACKAGE

SAMPLES = PACKAGE.parent / "samples" / "brain"
N = 16


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def dogs(folder, write_photograph) -> Path:
    """Twenty photographs."""
    for number in range(20):
        write_photograph(folder / f"dog_{number:02d}.png")
    return folder


@pytest.fixture
def patients(folder, write_dicom) -> Path:
    """Ten patients with three files each, spread over folders that mean nothing; each file's grey level is its own."""
    for number in range(30):
        pixels = np.full((N, N), 500 + number, dtype=np.int16)
        write_dicom(folder / f"series_{number % 4}" / f"{number}.dcm", pixels, PatientID=f"patient {number // 3}")
    return folder


def photographs(folder: Path, **options: object) -> Photographs:
    return Photographs(str(folder), N, "dogs", cache=str(folder.parent / "cache"), **options)


def scans(folder: Path, **options: object) -> ScanSlices:
    return ScanSlices(str(folder), N, "ct", window=(500, 1000), cache=str(folder.parent / "cache"), **options)


def images(source: Photographs | ScanSlices) -> list[np.ndarray]:
    return [source.image(index, np.random.default_rng(0)) for index in range(len(source))]


def contents(source: Photographs | ScanSlices) -> set[bytes]:
    return {image.tobytes() for image in images(source)}


def parts(source: type, folder: Path, **options: object) -> dict[str, Photographs | ScanSlices]:
    make = photographs if source is Photographs else scans
    return {part: make(folder, part=part, **options) for part in PARTS}


# What is taken


def test_images_are_square_float32_and_in_the_unit_range(dogs):
    for image in images(photographs(dogs)):
        assert image.shape == (N, N)
        assert image.dtype == np.float32
        assert image.min() >= 0
        assert 0 < image.max() <= 1


def test_the_samples_of_the_repository_are_read(tmp_path):
    pytest.importorskip("nibabel", reason="NIfTI scans need nibabel")
    named = {"validation": ["anatomical.nii"], "test": ["someones_anatomy.nii.gz"]}
    sources = [ScanSlices(str(SAMPLES), 32, "brain", part=part, cache=str(tmp_path), **named) for part in PARTS]
    assert [source.subjects for source in sources] == [["example4d.nii.gz"], ["anatomical.nii"], ["someones_anatomy.nii.gz"]]
    assert min(len(source) for source in sources) > 10
    assert all(source.skipped == [] for source in sources)


def test_hidden_files_and_folders_and_other_kinds_are_passed_over(dogs, write_photograph):
    write_photograph(dogs / ".trash" / "old.png")
    shutil.copy(dogs / "dog_00.png", dogs / "._dog_00.png")
    (dogs / "notes.txt").write_text("not a picture")
    source = photographs(dogs, validation=0, test=0)
    assert len(source) == 20
    assert source.skipped == []


def test_a_hidden_folder_above_the_data_hides_nothing(tmp_path, write_photograph):
    for number in range(3):
        write_photograph(tmp_path / ".private" / "data" / f"{number}.png")
    assert len(photographs(tmp_path / ".private" / "data", validation=0, test=0)) == 3


def break_some(folder: Path, write_photograph) -> None:
    """Four files that are called photographs, in every way broken."""
    whole = write_photograph(folder / "whole.jpg", np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)).read_bytes()
    (folder / "below").mkdir()
    (folder / "below" / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "whole.jpg").unlink()
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("I am no picture")
    (folder / "random.png").write_bytes(np.random.default_rng(0).bytes(500))


BROKEN = {"below/truncated.jpg", "empty.jpg", "text.jpg", "random.png"}


def test_broken_files_among_good_ones_are_left_out_counted_and_named(dogs, write_photograph, capsys):
    break_some(dogs, write_photograph)
    source = photographs(dogs, validation=0, test=0)
    assert len(source) == 20
    assert {file for file, _ in source.skipped} == BROKEN
    assert "4 of 24 files skipped" in capsys.readouterr().out
    message = source.describe()[0]
    assert {file for file, _ in message["skipped"]} == BROKEN
    assert (message["images"], message["distinct"], message["subjects"]) == (20, 20, 20)


def test_a_copy_of_a_file_is_left_out_since_it_might_fall_to_another_part(dogs):
    for number in range(10):
        shutil.copy(dogs / f"dog_{number:02d}.png", dogs / f"puppy_{number:02d}.png")
    made = parts(Photographs, dogs, validation=0.2, test=0.3)
    assert sum(map(len, made.values())) == len(set.union(*map(contents, made.values()))) == 20
    assert made["train"].skipped == [(f"puppy_{number:02d}.png", f"a copy of dog_{number:02d}.png") for number in range(10)]


def test_what_a_record_says_tells_no_folder_of_this_machine(dogs, write_photograph):
    break_some(dogs, write_photograph)
    absent = photographs(dogs / "nowhere", missing="substitute")
    assert str(dogs.parent) not in repr([*photographs(dogs).describe(), *absent.describe()])


def test_broken_files_move_nobody_to_another_part(dogs, write_photograph):
    before = {part: source.subjects for part, source in parts(Photographs, dogs, validation=0.2, test=0.2).items()}
    break_some(dogs, write_photograph)
    assert {part: source.subjects for part, source in parts(Photographs, dogs, validation=0.2, test=0.2).items()} == before


def test_a_folder_of_broken_files_only_is_refused(folder, write_photograph):
    folder.mkdir()
    break_some(folder, write_photograph)
    with pytest.raises(InputError, match=r"dogs: none of the 4 files in .*data can be read; .*empty\.jpg \(UnidentifiedImageError"):
        photographs(folder, missing="substitute")


@pytest.mark.parametrize("made", [False, True])
def test_a_folder_that_is_not_there_or_empty_is_refused_with_the_remedy(folder, made):
    if made:
        folder.mkdir()
        (folder / "README.txt").write_text("data go here")
    with pytest.raises(InputError, match=r"dogs: .*data .*put the data there.*data\.missing=substitute"):
        photographs(folder)


def test_a_second_source_decodes_nothing(dogs, patients, monkeypatch):
    for source in (Photographs, ScanSlices):
        whole = [contents(one) for one in parts(source, dogs).values()]
        with monkeypatch.context() as patch:
            patch.setattr(source, "decode", lambda self, file: pytest.fail(f"{file} was decoded again"))
            assert [contents(one) for one in parts(source, dogs).values()] == whole


@pytest.mark.parametrize("other", [{"window": (400, 800)}, {"axes": ("sagittal",)}, {"size": 24}])
def test_other_settings_give_other_images(folder, write_nifti, other):
    volume = np.random.default_rng(0).uniform(0, 1000, (12, 12, 12)).astype(np.float32)
    write_nifti(folder / "a.nii", volume)
    settings = {"window": (500, 1000), "axes": ("axial",), "size": N, "name": "ct", "validation": 0, "test": 0}
    cache = str(folder.parent / "cache")
    first, second = (ScanSlices(str(folder), cache=cache, **{**settings, **change}) for change in ({}, other))
    assert contents(first).isdisjoint(contents(second))
    assert contents(ScanSlices(str(folder), cache=cache, **settings)) == contents(first)


# The split


@pytest.mark.parametrize("source", [Photographs, ScanSlices])
def test_no_image_and_no_subject_is_in_two_parts_and_none_is_lost(dogs, patients, source):
    whole = contents((photographs if source is Photographs else scans)(dogs, validation=0, test=0))
    for seed in range(6):
        made = parts(source, dogs, validation=0.2, test=0.3, seed=seed)
        found = [contents(one) for one in made.values()]
        assert set.union(*found) == whole
        assert sum(map(len, found)) == len(whole)
        assert len({subject for one in made.values() for subject in one.subjects}) == sum(len(one.subjects) for one in made.values())


def test_all_files_of_a_patient_are_in_one_part_wherever_they_lie(patients):
    for seed in range(6):
        for one in parts(ScanSlices, patients, validation=0.2, test=0.3, seed=seed).values():
            levels = sorted(round(float(image.max()) * 1000 - 500) for image in images(one))
            assert len(levels) == 3 * len(one.subjects)
            assert levels == sorted(3 * int(name.split()[1]) + file for name in one.subjects for file in range(3))


def test_without_a_patient_a_scan_belongs_to_the_folder_it_lies_in(folder, write_dicom, write_nifti):
    for number in range(8):
        pixels = np.full((N, N), 500 + number, dtype=np.int16)
        write_dicom(folder / f"subject_{number // 2}" / "deep" / f"{number}.dcm", pixels, PatientID="")
    volume = np.random.default_rng(0).uniform(400, 600, (N, N, N)).astype(np.float32)
    write_nifti(folder / "alone.nii", volume)
    source = scans(folder, validation=0, test=0)
    assert source.subjects == ["alone.nii", "subject_0", "subject_1", "subject_2", "subject_3"]
    assert {source.origin(index) for index in range(len(source))} == set(source.subjects)


def test_every_photograph_is_a_subject_whatever_folder_it_lies_in(folder, write_photograph):
    for number in range(6):
        write_photograph(folder / f"breed_{number % 2}" / f"{number}.png")
    assert len(photographs(folder, validation=0, test=0).subjects) == 6


def names(count: int) -> set[str]:
    return {f"subject {number}" for number in range(count)}


@pytest.mark.parametrize("seed", range(25))
def test_the_parts_are_disjoint_and_together_everybody(seed):
    found = split(names(40), 0.1, 0.25, seed, "these")
    assert {part: len(those) for part, those in found.items()} == {"train": 26, "validation": 4, "test": 10}
    assert set.union(*found.values()) == names(40)


def test_another_seed_is_another_split():
    assert split(names(40), 0.1, 0.25, 0, "these") == split(names(40), 0.1, 0.25, 0, "these")
    assert split(names(40), 0.1, 0.25, 0, "these") != split(names(40), 0.1, 0.25, 1, "these")


@pytest.mark.parametrize("seed", range(10))
def test_another_subject_moves_few_others(seed):
    before, after = (split(names(count), 0.1, 0.1, seed, "these") for count in (60, 61))
    moved = sum(len(before[part] - after[part]) for part in PARTS)
    assert moved <= 3


def test_a_share_of_nothing_sets_nobody_aside(dogs):
    assert {part: len(those) for part, those in split(names(5), 0, 0.0, 0, "these").items()} == {"train": 5, "validation": 0, "test": 0}
    with pytest.raises(InputError, match=r"data has no slice for validation: .*set aside more"):
        photographs(dogs, validation=0, part="validation")


def test_a_small_share_of_few_still_sets_one_aside():
    assert {part: len(those) for part, those in split(names(3), 0.01, 0.01, 0, "these").items()} == {"train": 1, "validation": 1, "test": 1}


def test_subjects_may_be_named():
    found = split(names(6), ["subject 1"], ["subject 4", "subject 2"], 3, "these")
    assert found == {"train": {"subject 0", "subject 3", "subject 5"}, "validation": {"subject 1"}, "test": {"subject 2", "subject 4"}}


@pytest.mark.parametrize("seed", range(10))
def test_a_share_takes_nobody_who_is_named_for_another_part(seed):
    for validation, test in ((["subject 1"], 0.5), (0.5, ["subject 1"])):
        found = split(names(6), validation, test, seed, "these")
        assert {part: len(those) for part, those in found.items()} == {
            "train": 2,
            "validation": 1 if test == 0.5 else 3,
            "test": 3 if test == 0.5 else 1,
        }
        assert sum(map(len, found.values())) == len(set.union(*found.values()))


def test_names_that_a_configuration_takes_for_numbers_are_names():
    found = split({"101", "102", "103"}, [101], "102", 0, "these")
    assert found == {"train": {"103"}, "validation": {"101"}, "test": {"102"}}


@pytest.mark.parametrize(
    ("validation", "test", "reason"),
    [
        (["nobody"], 0.1, r"these has no subject nobody to set aside for validation: there are subject 0, .* …"),
        (0.1, [7], r"no subject 7 to set aside for test"),
        (["subject 1"], ["subject 1", "subject 2"], r"subject 1 can't be set aside for both"),
        (1.0, 0.1, r"share of subjects for validation must be in \[0, 1\), not 1"),
        (0.1, -0.1, r"share of subjects for test must be in \[0, 1\), not -0.1"),
        (0.6, 0.6, r"these has 12 subjects .*too few .*set fewer aside"),
    ],
)
def test_splits_that_cannot_be_are_refused(validation, test, reason):
    with pytest.raises(InputError, match=reason):
        split(names(12), validation, test, 0, "these")


def test_too_few_subjects_are_refused_with_folder_and_remedy(folder, write_photograph):
    for number in range(2):
        write_photograph(folder / f"{number}.png")
    with pytest.raises(InputError, match=r"dogs \(.*data\) has 2 subjects \(0\.png, 1\.png\): too few .*add data"):
        photographs(folder)


def test_a_dicom_file_without_a_patient_belongs_to_its_study_and_without_that_to_its_series(folder, write_dicom):
    for number in range(12):
        pixels = np.full((N, N), 500 + number, dtype=np.int16)
        series = {"SeriesInstanceUID": f"1.2.{number // 3}"}
        write_dicom(folder / f"{number}.dcm", pixels, **series, **({"StudyInstanceUID": "1.1"} if number < 6 else {}))
    assert scans(folder, validation=0, test=0).subjects == ["1.1", "1.2.2", "1.2.3"]


def test_the_same_slices_in_another_file_are_a_copy(folder, write_nifti):
    volume = np.random.default_rng(0).uniform(400, 600, (N, N, N)).astype(np.float32)
    for name in ("a.nii", "b.nii.gz"):
        write_nifti(folder / name, volume)
    source = scans(folder, validation=0, test=0)
    assert source.subjects == ["a.nii"]
    assert source.skipped == [("b.nii.gz", "a copy of a.nii")]


# Order


@pytest.mark.parametrize("count", [None, 25])
def test_the_first_images_are_of_as_many_subjects_as_there_are(patients, count):
    source = scans(patients, validation=0, test=0, count=count)
    whose = [source.origin(index) for index in range(len(source))]
    assert set(whose[:10]) == set(whose[10:20]) == set(source.subjects)
    assert len(contents(source)) == len(source) == (count or 30)
    assert whose[:10] != sorted(whose[:10])


def test_the_order_is_the_same_each_time_and_decided_by_the_seed(patients):
    orders = [[image.tobytes() for image in images(scans(patients, validation=0, test=0, seed=seed))] for seed in (0, 0, 1)]
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]


def test_subjects_with_few_slices_drop_out_of_the_turns():
    places = {"few": ["f0"], "many": ["m0", "m1", "m2", "m3"], "some": ["s0", "s1"]}
    order = in_turn(places, [3])
    assert sorted(order) == ["f0", "m0", "m1", "m2", "m3", "s0", "s1"]
    assert {name[0] for name in order[:3]} == {"f", "m", "s"}
    assert {name[0] for name in order[3:5]} == {"m", "s"}


# Counts


def test_a_count_takes_some_and_always_the_same(dogs):
    few = photographs(dogs, count=5, seed=1)
    assert len(few) == few.distinct == len(contents(few)) == 5
    assert contents(few) == contents(photographs(dogs, count=5, seed=1))
    assert contents(few) < contents(photographs(dogs, seed=1))
    assert contents(photographs(dogs, count=3, seed=1)) < contents(few)


def test_too_few_images_for_a_count_are_refused_with_folder_and_remedy(dogs):
    with pytest.raises(InputError, match=r"dogs: .*data has 18 images for train, fewer than count=19: .*data\.repeat=true"):
        photographs(dogs, count=19)


def test_repeating_draws_each_equally_often(dogs):
    source = photographs(dogs, count=40, repeat=True)
    assert (len(source), source.distinct, source.describe()[0]["images"]) == (40, 18, 40)
    times = [sum(one.tobytes() == other for one in images(source)) for other in contents(source)]
    assert sorted(set(times)) == [2, 3]


def test_every_repetition_has_its_own_pose(dogs):
    source = photographs(dogs, count=36, repeat=True, augmentation=Augmentation(rotation=True))
    data = ImageDataModule(source, source, batch_size=36)
    batch = data.on_after_batch_transfer(next(iter(data.val_dataloader())), 0)
    assert len({image.numpy().tobytes() for image in batch.image}) == 36


@pytest.mark.parametrize("count", [0, -3])
def test_a_count_below_one_is_refused(dogs, count):
    with pytest.raises(InputError, match="count must be 1 or more"):
        photographs(dogs, count=count)


@pytest.mark.parametrize("index", [-1, 18])
def test_an_image_that_is_not_there_is_an_index_error(dogs, index):
    with pytest.raises(IndexError):
        photographs(dogs).image(index, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"part": "training"}, "part must be one of train"), ({"missing": "ignore"}, "error or substitute"), ({"window": [40]}, "window")],
)
def test_options_that_there_are_not_are_refused(folder, options, reason):
    with pytest.raises(InputError, match=reason):
        ScanSlices(str(folder), N, "ct", **options)


# What is told of the subjects


def test_a_record_tells_the_subjects_of_its_part_without_their_names(patients):
    source = scans(patients, validation=0.2, test=0.2)
    record = source.describe()[0]
    assert (record["subjects"], len(record["subject_hashes"])) == (6, 6)
    assert not any(subject in repr(record) for subject in source.subjects)
    assert among([*source.subjects, "stranger"], record["subject_hashes"]) == source.subjects
    assert among(["stranger"], hashes_of(["subject 7"])) == []


def test_the_fingerprint_follows_the_images_and_not_where_they_lie(dogs, tmp_path, write_photograph):
    first = photographs(dogs).fingerprint
    moved = shutil.copytree(dogs, tmp_path / "elsewhere" / "data")
    assert photographs(moved).fingerprint == first
    assert photographs(dogs, part="test").fingerprint != first
    assert photographs(dogs, count=5).fingerprint != first
    write_photograph(dogs / photographs(dogs).subjects[0], np.zeros((12, 16, 3), np.uint8) + 99)
    assert photographs(dogs).fingerprint != first


# Workers


def test_a_source_survives_the_way_to_another_process(dogs):
    source = photographs(dogs, augmentation=Augmentation(rotation=True))
    again = pickle.loads(pickle.dumps(source))
    assert [one.tobytes() for one in images(again)] == [one.tobytes() for one in images(source)]


def test_worker_processes_give_the_images_that_the_training_process_would(dogs):
    source = photographs(dogs, augmentation=Augmentation(0.8, True, True, 0.15, 5.0))
    drawn = []
    for workers in (0, 2):
        data = ImageDataModule(source, source, 4, workers)
        drawn.append([data.on_after_batch_transfer(batch, 0) for batch in data.train_dataloader()])
    assert len(drawn[0]) == len(drawn[1]) == 4
    for alone, helped in zip(*drawn, strict=True):
        assert torch.equal(alone.image, helped.image)
        assert torch.equal(alone.seed, helped.seed)


# Phantoms in place of what is not there


def test_phantom_faces_take_the_share_of_a_source_that_is_not_there_and_say_so(folder, capsys):
    source = photographs(folder, missing="substitute", count=30, licence="the owner's")
    assert capsys.readouterr().out == f"dogs: {folder} is missing: using 30 phantom faces instead\n"
    assert len(source) == 30
    assert source.name == "dogs (phantom faces)"
    assert source.substituted == ("dogs",)
    assert source.origin(3) is None
    message = source.describe()[0]
    assert (message["name"], message["images"], message["licence"]) == ("dogs (phantom faces)", 30, "none needed")
    assert "phantom faces" in message["substituted"]
    assert not folder.exists()


def test_phantom_faces_differ_between_parts_and_sources_and_are_the_same_each_time(folder):
    made = [contents(source) for source in parts(Photographs, folder, missing="substitute", count=5).values()]
    made.append(contents(scans(folder, missing="substitute", count=5)))
    assert len(set.union(*made)) == 20
    assert contents(photographs(folder, missing="substitute", count=5)) == made[0]


def test_phantom_faces_in_place_of_scans_are_augmented_as_those_would_be(folder):
    poses = Augmentation(rotation=True)
    assert scans(folder, missing="substitute", augmentation=poses).augmentation(3) == poses


def test_data_that_are_there_are_not_substituted(dogs):
    source = photographs(dogs, missing="substitute")
    assert (source.substituted, source.name) == ((), "dogs")
