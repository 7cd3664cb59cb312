"""The report of a sweep: from the folders of its jobs to one page that needs nothing else, also where little is there yet."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from base64 import b64decode
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from matplotlib.image import imread

from mwgan.cli.figures import draw
from mwgan.errors import InputError
from mwgan.figures.report import Run, report
from mwgan.figures.run_curves import run_curves
from mwgan.paths import conf_dir
from mwgan.runs import folder as jobs

SIZE = 16
SOURCES = ("phantom_faces", "brain")
CHROMIUM = shutil.which("chromium")
SCANS = {"name": "brain", "images": 10_000, "distinct": 900, "subjects": 42, "licence": "CC BY 4.0"}


def log(epochs, first=0):
    """A log as Lightning writes it: validation and training on rows of their own."""
    epoch = np.arange(first, first + epochs)
    held_out = pd.DataFrame({"epoch": epoch, "val/psnr": 20.0 + epoch, "val/ssim": 0.9 - 0.01 * epoch})
    seen = {"train/images": 100.0 * (epoch + 1), "train/pixel_loss": 0.1 / (epoch + 1), "train/images_per_second": 50.0}
    return pd.concat([held_out, pd.DataFrame({"epoch": epoch, **seen})], ignore_index=True).sort_values("epoch", kind="stable")


def job(sweep, name, overrides, epochs=None, finished=False, **message):
    folder = sweep / name
    folder.mkdir(parents=True)
    jobs.record_start(folder, overrides)
    if epochs is not None:
        record = {"train_data": "D2", "commit": "abc1234", "device": "CPU, 1 threads", "config": {"trainer": {"max_epochs": 4}}, **message}
        (folder / "record.json").write_text(json.dumps(record))
        (folder / "csv").mkdir()
        log(epochs).to_csv(folder / "csv" / "metrics.csv", index=False)
    if finished:
        (folder / "finished").touch()
    return folder


def tables(sweep):
    """Two networks of two trainings and TVM, two sources, best and worst images kept."""
    results, kept = [], []
    for method, seeds in (("tvm", (np.nan,)), ("irdm_d1", (0, 1)), ("irdm_d2", (0, 1))):
        for seed in seeds:
            for source in SOURCES:
                rows = []
                for wedge in (40.0, 50.0):
                    for image in range(2):
                        nrmse = 0.2 + wedge / 1000 + 0.01 * image + (0.1 if source == "brain" else 0) + (0.004 if seed == 1 else 0)
                        checkpoint = "" if np.isnan(seed) else f"{method}/{seed}#a"
                        rows.append({
                            "method": method, "checkpoint": checkpoint, "train_data": "", "sinogram": "missing", "wedge_deg": wedge,
                            "source": source, "noise_percent": 0.0, "image": image, "seed": 0, "train_seed": seed, "psnr": 10 / nrmse,
                            "ssim": 1 - nrmse, "nrmse": nrmse, "rmse_255": 9.0, "seconds": 0.1, "commit": "abc1234", "device": "CPU",
                        })  # fmt: skip
                results += rows
                for row, kept_as in ((rows[0], "best"), (rows[-1], "worst")) if not np.isnan(seed) else ():
                    pixels = np.random.default_rng(len(kept)).random((SIZE, SIZE)).astype(np.float16).tobytes()
                    truth = {**row, "method": "truth", "checkpoint": "", "train_seed": np.nan}
                    kept += [{**one, "kept_as": kept_as, "size": SIZE, "pixels": pixels} for one in (row, truth)]
    pd.DataFrame(results).to_parquet(sweep / "results.parquet")
    pd.DataFrame(kept).to_parquet(sweep / "results.tomograms.parquet")


def three_jobs(folder):
    job(folder, "0", ["experiment=irdm2020/study", "data=d1", "seed=0"], 3, finished=True, train_data="D1")
    missing = {"name": "ct (phantom faces)", "images": 9, "substituted": "data/ct is not there: phantom faces"}
    scans = {**SCANS, "skipped": [["sub-1/<a>.nii", "EOFError: cut short"]]}
    job(folder, "1", ["experiment=irdm2020/study", "data=d2", "seed=0"], 2, data=[scans, missing])
    job(folder, "2", ["experiment=irdm2020/study", "data=d2", "seed=1"])
    return folder


@pytest.fixture
def sweep(tmp_path):
    return three_jobs(tmp_path / "a sweep & <more>")


def written(sweep):
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        cfg = compose("figures")
    cfg.report = str(sweep)
    (file,) = draw(cfg)
    assert file == sweep / "report.html"
    return file.read_text()


@pytest.fixture(scope="module")
def without_table(tmp_path_factory):
    """A sweep without results, and its page: for tests that only read them."""
    folder = three_jobs(tmp_path_factory.mktemp("report") / "a sweep & <more>")
    return folder, written(folder)


@pytest.fixture(scope="module")
def with_table(tmp_path_factory):
    """A sweep with results, and its page: for tests that only read them."""
    folder = three_jobs(tmp_path_factory.mktemp("report") / "a sweep & <more>")
    tables(folder)
    return folder, written(folder)


class Page(HTMLParser):
    """What stands in a page: the rows of its tables, its pictures, and every address it names."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.pictures, self.addresses, self.open, self.words = [], [], [], [], ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.addresses += [attributes[name] for name in ("src", "href", "srcset", "action") if name in attributes]
        if tag == "img":
            self.pictures.append(attributes)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in ("img", "meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data

    def row(self, *first):
        return next(row for row in self.rows if row[: len(first)] == list(first))


def test_the_runs_are_told_as_far_as_they_got(without_table):
    page = Page(without_table[1])
    assert "3 runs: 1 finished, 2 not finished" in page.words
    assert page.row("0")[1:7] == ["data=d1seed=0", "finished", "3 of 4", "22.00 (22.00)", "0.8800 (0.9000)", "50.0"]
    assert page.row("0")[7:] == ["abc1234", "CPU, 1 threads", "D1"]
    assert page.row("1")[2:4] == ["not finished", "2 of 4"]
    assert page.row("2")[1:] == ["data=d2seed=1", "not finished", "0", "–", "–", "–", "", "", ""]
    assert "Options of all runs: experiment=irdm2020/study" in page.words
    assert "before the first epoch was over: job 2." in page.words


def test_substitutions_and_files_left_out_are_told(without_table):
    page = Page(without_table[1])
    message = page.row("1")[-1]
    assert "ct (phantom faces): substituted: data/ct is not there" in message
    assert "brain: 1 file left out: sub-1/<a>.nii – EOFError: cut short" in message
    assert page.row("D2", "brain") == ["D2", "brain", "10000", "900", "42", "CC BY 4.0"]


def test_files_left_out_may_be_a_number_or_many():
    def message(skipped):
        record = {"train_data": "D2", "data": [{**SCANS, "skipped": skipped}]}
        return Page(report("s", [Run("0", ["seed=0"], record, None, False)], None, None)).row("0")[-1]

    assert message(7) == "D2brain: 7 files left out"
    assert message(["a", "b", "c", "d", "e", "f"]).endswith("6 files left out: a; b; c; d; e; …")
    assert message([]) == "D2"


def test_what_is_absent_is_said(without_table):
    sweep, text = without_table
    page = Page(text)
    assert f"No results table yet: mwgan-evaluate sweep={sweep} makes it." in page.words
    assert "No tomograms were kept yet" in page.words
    assert len(page.pictures) == 1  # the curves


def test_a_sweep_that_has_only_begun_is_told(tmp_path):
    job(tmp_path, "0", [])
    (tmp_path / "0" / "record.json").write_text('{"train_data": ')  # killed while it wrote
    (tmp_path / "0" / "csv").mkdir()
    (tmp_path / "0" / "csv" / "metrics.csv").touch()
    (tmp_path / "1" / ".hydra").mkdir(parents=True)  # refused before it was begun
    page = Page(written(tmp_path))
    assert "1 run: 0 finished, 1 not finished" in page.words
    assert "No run has logged an epoch yet." in page.words
    assert page.pictures == []


def test_a_resumed_run_has_its_earlier_log(sweep):
    csv = sweep / "0" / "csv"
    (csv / "metrics.csv").rename(csv / "metrics_1.csv")
    assert Page(written(sweep)).row("0")[3] == "3 of 4"
    log(1, first=3).to_csv(csv / "metrics.csv", index=False)
    assert Page(written(sweep)).row("0")[3:5] == ["4 of 4", "23.00 (23.00)"]


def test_jobs_stand_in_the_order_of_their_numbers(tmp_path):
    for name in ("10", "9", "named"):
        job(tmp_path, name, [f"seed={name}"])
    names = [row[0] for row in Page(written(tmp_path)).rows[1:]]
    assert names == ["9", "10", "named"]


def test_nrmse_stands_by_source_and_over_all_with_its_spread(with_table):
    page = Page(with_table[1])
    assert "20 rows" not in page.words
    assert "40 rows of results, 2 test sources" in page.words
    rows = [row for row in page.rows if row[0] == "IRDM, D1"]
    assert len(rows) == 3  # over all, and of each source
    assert [row[1] for row in rows] == ["2", "2", "2"]
    assert rows[1][2] == "0.2470± 0.0028"  # phantom faces at 40 degrees: mean and deviation of 0.245 and 0.249
    assert rows[0][2].startswith("0.2970")
    assert next(row for row in page.rows if row[0] == "TVM")[1:3] == ["", "0.2950"]


def test_best_and_worst_images_of_every_network_are_shown_with_their_numbers(with_table, sweep):
    page = Page(with_table[1])
    message = [picture["alt"] for picture in page.pictures if "best" in picture["alt"]]
    assert len(message) == 2
    assert "phantom_faces, best: wedge 40°, image 0, seed 0, 41.7 dB" in message[0]
    assert "brain, worst: wedge 50°, image 1, seed 1" in message[0]
    assert "None were kept of TVM." in page.words
    tables(sweep)
    kept = pd.read_parquet(sweep / "results.tomograms.parquet")
    kept.drop(columns="kept_as").to_parquet(sweep / "results.tomograms.parquet")
    assert "No best and worst images were kept" in Page(written(sweep)).words


def test_stand_ins_and_subjects_are_told_beside_the_numbers(sweep):
    tables(sweep)
    rows = pd.read_parquet(sweep / "results.parquet")
    data = rows["train_data"].where(rows["method"] != "irdm_d2", "D2 (phantom faces for ct)")
    rows.assign(train_data=data, subject=np.where(rows["source"] == "brain", "sub-7", None)).to_parquet(sweep / "results.parquet")
    page = Page(written(sweep))
    assert len([row for row in page.rows if row[0] == "IRDM, D2 *"]) == 3
    assert page.words.count("noise 0 %; trained with stand-ins: * phantom faces for ct") == 3
    assert "brain, 2 images of 1 subject" in page.words
    assert "IRDM, D2 (phantom faces for ct)" in page.words  # above the best and worst images
    message = next(picture["alt"] for picture in page.pictures if "best" in picture["alt"])
    assert "brain, worst: wedge 50°, image 1, seed 1, of sub-7" in message


def test_sources_that_no_method_has_all_of_have_no_mean(sweep):
    tables(sweep)
    rows = pd.read_parquet(sweep / "results.parquet")
    half = rows[(rows["wedge_deg"] == 40) == (rows["source"] == "brain")]
    half.to_parquet(sweep / "results.parquet")
    page = Page(written(sweep))
    assert "there is no mean over them" in page.words
    rows.iloc[:0].to_parquet(sweep / "results.parquet")
    assert "has no rows of missing-wedge sinograms" in Page(written(sweep)).words


def test_the_page_needs_nothing_else(with_table, sweep):
    tables(sweep)
    (sweep / "0" / "panels").mkdir()
    panel = b64decode(re.search(r"base64,([^\"]+)", with_table[1]).group(1))
    (sweep / "0" / "panels" / "epoch_002.png").write_bytes(panel)
    text = written(sweep)
    page = Page(text)
    assert page.addresses
    assert all(address.startswith("data:image/png;base64,") for address in page.addresses)
    assert not re.search(r"https?://|<script|<link|@import|url\(", text)
    for picture in page.pictures:
        pixels = imread(BytesIO(b64decode(picture["src"].split(",", 1)[1])))
        assert min(pixels.shape[:2]) > 100
        assert pixels[..., :3].std() > 0.01
    assert any(picture["alt"] == "job 0" for picture in page.pictures)


def test_text_is_escaped(without_table):
    text = without_table[1]
    assert "<more>" not in text
    assert "a sweep &amp; &lt;more&gt;" in text
    hostile = '<img src=x onerror="alert(1)">'
    run = Run(
        hostile, [hostile], {key: hostile for key in ("train_data", "commit", "device")} | {"data": [{"name": hostile}]}, log(1), False
    )
    other = Run("1", ["seed=1"], {}, None, False)
    page = Page(report(hostile, [run, other], None, None))
    assert page.row(hostile)[1] == hostile
    assert [picture["src"][:5] for picture in page.pictures] == ["data:"]


def test_curves_have_a_colour_for_what_is_trained_and_a_line_for_each_training():
    figure = run_curves({("data=d1", "seed=0"): log(3), ("data=d1", "seed=1"): log(2), ("data=d2", "seed=0"): log(20)})
    psnr, loss = figure.axes
    one, again, other = psnr.lines
    assert one.get_color() == again.get_color() != other.get_color()
    assert one.get_linestyle() == other.get_linestyle() != again.get_linestyle()
    assert one.get_xydata().tolist() == [[100, 20], [200, 21], [300, 22]]
    assert loss.get_yscale() == "log"
    assert (one.get_marker(), other.get_marker()) == ("o", "None")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["data=d1, seed=0", "data=d1, seed=1", "data=d2, seed=0"]
    without = run_curves({("a", ""): log(2).drop(columns="train/images"), ("b", ""): log(2)})
    assert without.axes[0].get_xlabel() == "epochs"
    assert without.axes[0].lines[0].get_xdata().tolist() == [1, 2]


def test_the_report_goes_into_the_folder_asked_for(sweep, tmp_path):
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        cfg = compose("figures")
    for folder in (tmp_path / "new" / "folder", sweep):
        cfg.report, cfg.folder = str(sweep), str(folder)
        assert draw(cfg) == [folder / "report.html"]
        assert (folder / "report.html").read_text() == (sweep / "report.html").read_text()


@pytest.mark.parametrize("names", [[(f"lr={k}", "") for k in range(16)], [("", f"seed={k}") for k in range(16)]])
def test_sixteen_runs_are_told_apart(names):
    lines = run_curves({name: log(20) for name in names}).axes[0].lines
    assert len({(line.get_color(), line.get_linestyle(), line.get_marker()) for line in lines}) == 16


@pytest.mark.parametrize("make", [lambda folder: folder / "nowhere", lambda folder: folder])
def test_a_folder_without_jobs_is_refused(tmp_path, make):
    with pytest.raises(InputError, match=r"holds no job of a sweep: give .*report="):
        written(make(tmp_path))


def test_a_table_that_cannot_be_read_is_refused_and_the_old_report_stays(sweep):
    before = written(sweep)
    (sweep / "results.parquet").write_text("no table")
    with pytest.raises(InputError, match="mwgan-evaluate sweep="):
        written(sweep)
    assert (sweep / "report.html").read_text() == before


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")
def test_a_browser_shows_the_page(with_table, tmp_path):
    sweep, text = with_table
    pictures = len(Page(text).pictures)
    # A copy that counts its own pictures: what the browser could not decode has no width.
    script = "document.body.dataset.wide = [...document.images].filter(image => image.naturalWidth > 0).length"
    copy = tmp_path / "counted.html"
    copy.write_text(text.replace("</body>", f"<script>onload = () => {{{script}}}</script></body>"))
    dom = browsed(tmp_path, "--virtual-time-budget=5000", "--dump-dom", copy.as_uri()).stdout
    assert f'data-wide="{pictures}"' in dom
    page = Page(dom.split("<body", 1)[1].split(">", 1)[1].rsplit("<script", 1)[0])
    assert page.row("0")[2] == "finished"
    assert page.row("2")[2] == "not finished"
    assert sum(row[0] == "IRDM, D2" for row in page.rows) == 3
    browsed(tmp_path, f"--screenshot={tmp_path / 'shown.png'}", "--window-size=1240,1600", (sweep / "report.html").as_uri())
    shown = imread(tmp_path / "shown.png")
    assert shown.shape[:2] == (1600, 1240)
    assert (shown[..., :3].min(axis=-1) < 0.9).mean() > 0.01  # not blank
    assert shown[..., :3].std(axis=-1).max() > 0.2  # colours, so the curves are there


def browsed(folder, *arguments):
    """Chromium without a window, with a profile of its own."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={folder / 'profile'}"]
    return subprocess.run([CHROMIUM, *options, *arguments], capture_output=True, text=True, check=True, timeout=120)
