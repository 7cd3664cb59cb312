"""``mwgan data check``, and trainings and evaluations on a folder of measured images: what is there is used, what isn't is said."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir

from mwgan.cli import main as program
from mwgan.cli.evaluate import evaluate
from mwgan.cli.train import train
from mwgan.data import ScanSlices
from mwgan.data.subjects import among
from mwgan.errors import InputError
from mwgan.paths import conf_dir

SMALL = ("debug=smoke", "model.generator.depth=2", "model=irdm_pixel", "callbacks.image_panels=null", "logger=csv")
BROKEN = ("brain/cut.nii.gz", "ct/text.dcm", "dogs/cut.jpg")


@pytest.fixture
def data(tmp_path, write_nifti, write_dicom, write_photograph) -> Path:
    """A folder as paths.data names it: six subjects of each kind, and a broken file of each."""
    folder = tmp_path / "data"
    rng = np.random.default_rng(0)
    for subject in range(6):
        write_nifti(folder / "brain" / f"{subject}.nii.gz", rng.uniform(0, 1, (8, 8, 8)).astype(np.float32))
        write_photograph(folder / "dogs" / f"{subject}.jpg")
        for file in range(2):
            write_dicom(
                folder / "ct" / f"{subject}_{file}.dcm", rng.integers(0, 99, (8, 8)).astype(np.int16), PatientID=f"patient {subject}"
            )
    (folder / "brain" / "cut.nii.gz").write_bytes((folder / "brain" / "0.nii.gz").read_bytes()[:200])
    (folder / "ct" / "text.dcm").write_text("no scan")
    (folder / "dogs" / "cut.jpg").write_bytes((folder / "dogs" / "0.jpg").read_bytes()[:300])
    return folder


@pytest.fixture
def check(tmp_path, monkeypatch, capsys):
    """``check(*arguments)``: the exit code, and what the program says to the user and of errors."""

    def run(*arguments: object) -> tuple[int, str, str]:
        where = (f"paths.data={tmp_path / 'data'}", f"paths.root={tmp_path / 'outputs'}", "data.size=16", "data.workers=0")
        monkeypatch.setattr("sys.argv", ["mwgan", "data", "check", *map(str, arguments), *where])
        with pytest.raises(SystemExit) as ended:
            program.main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return run


def rows(text: str) -> dict[tuple[str, str], str]:
    """What is said of each part and source."""
    message = [line.split(maxsplit=1) for line in text.splitlines() if line.strip().startswith(("train ", "validation ", "test "))]
    return {(part, rest.split(":")[0]): rest.split(": ", 1)[1] for part, rest in message}


def test_every_source_and_part_is_told_with_images_subjects_and_licence(check, data, tmp_path):
    code, out, err = check("d3", "data.repeat=true")
    assert (code, err) == (0, "")
    message = rows(out)
    assert {source for _, source in message} == {"phantom_faces", "brain", "ct", "dogs"}
    assert len(message) == 12
    found = re.fullmatch(
        r"10000 images in many poses of 32, subjects: 4 \((.*)\); licence: the data set's own terms", message["train", "brain"]
    )
    assert set(found[1].split(", ")) < {f"{number}.nii.gz" for number in range(6)}
    assert message["train", "ct"].startswith("10000 images in many poses of 8, subjects: 4 (patient ")
    assert message["test", "dogs"].startswith("1 images, subjects: 1")
    assert message["train", "phantom_faces"] == "25000 images; licence: none needed"


def test_dicom_files_of_another_modality_in_a_ct_source_are_counted(check, data, write_dicom):
    for number, modality in enumerate(("MR", "PT", "CT")):
        pixels = np.random.default_rng(number).integers(0, 99, (8, 8)).astype(np.int16)
        write_dicom(data / "ct" / f"other_{number}.dcm", pixels, PatientID="mixed", Modality=modality)
    _, _, err = check("d2", "data.repeat=true", "data.set_aside.ct.test=[mixed]")
    assert err == "warning: ct, test: 2 DICOM files are no CT but MR, PT\n"


def test_the_contact_sheet_is_a_picture_where_one_would_look_for_it(check, data, tmp_path):
    _, out, _ = check("d3", "data.repeat=true")
    sheet = tmp_path / "outputs" / "data_check" / "d3.png"
    assert out.splitlines()[-1] == str(sheet)
    assert sheet.read_bytes().startswith(b"\x89PNG")
    assert check("d1", "--output", tmp_path / "mine.png")[0] == 0
    assert (tmp_path / "mine.png").read_bytes().startswith(b"\x89PNG")


def test_files_that_cannot_be_read_are_listed_once_with_the_reason(check, data):
    code, out, _ = check("d3", "data.repeat=true")
    listed = [line for line in out.splitlines() if line.strip().startswith("skipped")]
    assert code == 0
    for file, line in zip(BROKEN, sorted(listed), strict=True):
        kind, name = file.split("/")
        assert line.strip().startswith(f"skipped  {kind}: {name} (")
        assert str(data) not in line


def test_what_is_not_there_is_said_in_one_sentence_a_source_and_the_rest_is_checked(check, tmp_path):
    code, out, err = check("d3")
    assert code == 2
    assert len(rows(out)) == 3
    assert err.startswith("error: brain: ")
    assert err.count("is missing: put the data there") == 3
    assert len(err.splitlines()) == 1
    assert all(str(tmp_path / "data" / kind) in err for kind in ("brain", "ct", "dogs"))


def test_too_few_images_are_said_with_the_remedy(check, data):
    code, out, err = check("d2")
    assert code == 2
    assert "brain: " in err
    assert "has 32 images for train, fewer than count=10000" in err
    assert "data.repeat=true" in err
    assert ("validation", "brain") in rows(out)


def test_substituted_sources_say_so(check):
    code, out, err = check("d3", "data.missing=substitute")
    assert (code, err) == (0, "")
    assert {source for _, source in rows(out)} == {"phantom_faces", *(f"{kind} (phantom faces)" for kind in ("brain", "ct", "dogs"))}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["d9"], "d9"),
        (["d2", "data.nothing=1"], "data.nothing"),
        (["d1", "-o", "sheet.jpg"], "png"),
        (["d1", "-o", "nowhere/sheet.png"], "nowhere"),
    ],
)
def test_mistakes_are_one_sentence_and_exit_code_2(check, arguments, named):
    code, _, err = check(*arguments)
    assert code == 2
    assert err.startswith("error: ")
    assert named in err
    assert len(err.splitlines()) == 1


def test_a_training_on_measured_images_records_their_sources_and_what_was_left_out(run_config, data, tmp_path, monkeypatch):
    here = (f"paths.data='{data}'", f"paths.cache='{tmp_path / 'cache'}'", "data.repeat=true")
    train(run_config(*SMALL, "data=d3", *here))
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    assert record["train_data"] == "D3"
    message = {source["name"]: source for source in record["data"]}
    assert [message[name]["images"] for name in ("phantom_faces", "brain", "ct", "dogs")] == [25_000, 10_000, 10_000, 10_000]
    assert {f"{name}/{file}" for name in ("brain", "ct", "dogs") for file, _ in message[name]["skipped"]} == set(BROKEN)
    assert message["ct"]["licence"] == "the collection's own terms"
    assert str(data) not in json.dumps(record["data"])
    monkeypatch.setattr(
        ScanSlices, "decode", lambda self, file: pytest.fail(f"{file} is decoded again") if file.name[0].isdigit() else 1 / 0
    )
    train(run_config(*SMALL, "data=d2", *here, folder="again"))


def test_a_training_on_data_that_are_not_there_says_so_before_it_begins(run_config, tmp_path):
    with pytest.raises(ValueError, match=r"brain: .*nowhere.*data\.missing=substitute"):
        train(run_config(*SMALL, "data=d2", f"paths.data='{tmp_path / 'nowhere'}'"))
    assert not (tmp_path / "run" / "record.json").exists()


def evaluated(tmp_path, *overrides: str):
    """The table of a short evaluation on the brains and dogs, and a network that knows them if it is given."""
    where = (f"paths.data='{tmp_path / 'data'}'", f"paths.cache='{tmp_path / 'cache'}'", f"table='{tmp_path / 'results'}'", "data.size=16")
    quick = ("step_deg=12", "wedges_deg=[40]", "images=2", "tuning_images=1", "kept_images=0", "methods.sart=null", "methods.tvm=null")
    tests = [f"+source@tests.{kind}.{part}={kind}" for kind in ("brain", "dogs") for part in ("test", "validation")]
    parts = [f"tests.{kind}.{part}.{key}={value}" for kind in ("brain", "dogs") for part in ("test", "validation")
             for key, value in (("part", part), ("count", 2))]  # fmt: skip
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return evaluate(compose("evaluate", overrides=["data=d3", "data.repeat=true", *tests, *parts, *where, *quick, *overrides]))


def test_a_table_tells_whose_image_each_row_is_and_knows_other_files_by_their_content(data, tmp_path, write_photograph):
    rows = evaluated(tmp_path).rows
    dogs = rows[rows["source"] == "dogs"]
    assert set(dogs["subject"]) < {f"{number}.jpg" for number in range(6)}
    assert rows["subject"].notna().all()
    evaluated(tmp_path, f"paths.cache='{tmp_path / 'other'}'")
    write_photograph(data / "dogs" / dogs["subject"].iloc[0], np.full((12, 16, 3), 77, np.uint8))
    with pytest.raises(InputError, match=r"was made with images of dogs\.test dogs \w+, not \w+: give table="):
        evaluated(tmp_path)


def test_no_network_is_evaluated_on_subjects_that_it_was_trained_on(run_config, data, tmp_path):
    here = (f"paths.data='{data}'", f"paths.cache='{tmp_path / 'cache'}'", "data.repeat=true", "data.size=16")
    train(run_config(*SMALL, "data=d3", *here))
    record = {source["name"]: source for source in json.loads((tmp_path / "run" / "record.json").read_text())["data"]}
    network = f"checkpoints={{net: '{tmp_path / 'run'}'}}"
    assert len(evaluated(tmp_path, network).rows) == 8
    seen = among([f"{number}.jpg" for number in range(6)], record["dogs"]["subject_hashes"])[0]
    head = among([f"{number}.nii.gz" for number in range(6)], record["brain"]["subject_hashes"])[0]
    with pytest.raises(InputError, match=rf"run was trained on subjects of dogs .* \({seen}\): give the data\.set_aside and data\.seed"):
        evaluated(tmp_path, network, f"data.set_aside.dogs.validation=[{seen}]")
    with pytest.raises(InputError, match="trained on subjects of brain"):
        evaluated(tmp_path, network, f"data.set_aside.brain.test=[{head}]", f"table={tmp_path / 'new'}")
    assert not (tmp_path / "new.conditions.json").exists()
