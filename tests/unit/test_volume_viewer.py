"""The views of a volume: what stands in the page, and what a browser draws when its sliders are moved."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from mwgan.figures.parts.page import page
from mwgan.figures.parts.volume_viewer import Shown, viewer

CHROMIUM = shutil.which("chromium")
SHAPE = (4, 5, 6)
MOVED = {"y": 3, "z": 1, "x": 4}

# Moves every slider in turn, as a hand would, and notes what each canvas holds after it.
SCRIPT = """
const seen = [];
const look = () => seen.push(Object.fromEntries([...document.querySelectorAll("canvas")].map((canvas) => [canvas.id, [
  canvas.width, canvas.height, [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data]]])));
const move = (id, value) => {
  const slider = document.getElementById(id);
  slider.value = value;
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  look();
};
look();
for (const [id, value] of MOVES) move(id, value);
const told = Object.fromEntries([...document.querySelectorAll("output")].map((output) => [output.id, output.textContent]));
document.body.insertAdjacentHTML("beforeend", `<pre id="seen">${JSON.stringify({ seen, told })}</pre>`);
"""


@pytest.fixture
def volumes():
    draw = np.random.default_rng(0)
    volume = np.linspace(0, 1, 120, dtype=np.float32).reshape(SHAPE)
    return volume, 2 * draw.random(SHAPE, np.float32) - 1, draw.random(SHAPE, np.float32)


def written(volumes, **options):
    shown = Shown({"SIRT": volumes[0], "WBP <b>": volumes[1]}, (3.0, 2.0, 2.0), (0.5, 1.0, 0.0), (2, 3, 1), **options)
    return page("v", viewer(shown))


def test_the_page_holds_both_volumes_and_no_more_than_a_third_above_their_bytes(volumes):
    told = written(volumes)
    assert len(re.findall(r'<script type="application/octet-stream" id="volume-\d">[A-Za-z0-9+/=]{160}</script>', told)) == 2
    assert "WBP &lt;b&gt;" in told
    assert 'id="uncertainty"' not in told
    assert 'id="uncertainty"' in written(volumes, uncertainty=volumes[2])


def test_volumes_of_one_value_are_drawn_too():
    told = written((np.ones(SHAPE, np.float32), np.ones(SHAPE, np.float32)))
    assert "NaN" not in told
    assert "Infinity" not in told


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium")
def test_sliders_change_what_is_seen(volumes, tmp_path):
    moves = [*MOVED.items(), ("overlay", 0), ("black", 70), ("white", 90)]
    script = SCRIPT.replace("MOVES", json.dumps(moves))
    file = tmp_path / "v.html"
    file.write_text(written(volumes, uncertainty=volumes[2]).replace("</body>", f"<script>{script}</script></body>"))
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=5000"]
    dom = subprocess.run([CHROMIUM, *options, "--dump-dom", file.as_uri()], capture_output=True, text=True, check=True, timeout=240).stdout
    found = json.loads(re.findall(r'<pre id="seen">(.*?)</pre>', dom)[-1])  # the first is in the script itself
    first, y, z, x, plain, dark, bright = found["seen"]

    def grey(seen, canvas):
        width, height, values = seen[canvas]
        return np.array(values, float).reshape(height, width, 4)[..., 0]

    def expected(volume, plane, at, black, white):
        low, high = np.quantile(volume, (0.001, 0.999))
        held = low + np.rint(255 * np.clip((volume - low) / (high - low), 0, 1)) * (high - low) / 255
        cut = np.take(held, at, axis="yzx".index(plane))
        return np.clip(255 * (cut - black) / (white - black), 0, 255)

    low, high = np.quantile(volumes[1], (0.001, 0.999))  # the wider range of the two
    own = np.quantile(volumes[0], (0.001, 0.999))
    for plane, before, after in (("y", first, y), ("z", y, z), ("x", z, x)):
        for number in (0, 1):
            canvas = f"volume-{number}-{plane}"
            assert not np.array_equal(grey(before, canvas), grey(after, canvas)), canvas
            others = [name for name in first if not name.endswith(plane)]
            assert all(before[name] == after[name] for name in others), canvas
    for plane, at in MOVED.items():
        for number in (0, 1):
            drawn = grey(plain, f"volume-{number}-{plane}")
            np.testing.assert_allclose(drawn, expected(volumes[number], plane, at, *own), atol=2.5)
        assert x[f"volume-0-{plane}"] != plain[f"volume-0-{plane}"]  # the uncertainty was drawn over it
        assert x[f"volume-1-{plane}"] == plain[f"volume-1-{plane}"]
    lower, upper = low + (high - low) * 0.7, low + (high - low) * 0.9
    drawn = grey(bright, "volume-0-y")
    np.testing.assert_allclose(drawn, expected(volumes[0], "y", 3, lower, upper), atol=4)
    assert grey(dark, "volume-0-y").sum() < grey(plain, "volume-0-y").sum()
    assert (found["told"]["y-told"], found["told"]["z-told"], found["told"]["x-told"]) == ("6.5", "4", "4")
    assert float(found["told"]["white-told"]) == pytest.approx(upper, rel=0.01)
