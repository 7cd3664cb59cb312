"""Three orthogonal views of a volume in a page, with sliders; data and script are embedded."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
import numpy.typing as npt

Volume = npt.NDArray[np.float32]
SCRIPT = Path(__file__).with_suffix(".js")
DARKEST, BRIGHTEST = 0.001, 0.999  # quantiles of the displayed range of densities
WIDEST = 370.0  # CSS pixels of a view's longer side
STYLE = """<style>
.views { display: flex; flex-wrap: wrap; gap: 1em; align-items: flex-start; } .views figure { margin: 0; }
.views canvas { image-rendering: pixelated; background: #000; display: block; } .views figcaption { font-size: 12px; color: #555; }
.sliders { display: grid; grid-template-columns: max-content 1fr max-content; gap: 0.2em 1em; max-width: 640px; align-items: center;
  position: sticky; top: 0; background: #fffd; padding: 0.4em 0; }
.sliders output { font-variant-numeric: tabular-nums; text-align: right; min-width: 5em; }
pre { font-size: 12px; overflow-x: auto; }
</style>"""


@dataclass(frozen=True)
class Shown:
    """The data of the views.

    Parameters
    ----------
    volumes
        (Y, Z, X) by label; the first determines the contrast.
    spacing
        Voxel sizes (y, z, x), in any unit.
    first, step
        Index in the full volume of the centre of the first displayed slice, and slices per displayed one, (y, z, x).
    uncertainty
        Of the first volume, as an overlay; None if unknown.
    """

    volumes: Mapping[str, Volume]
    spacing: tuple[float, float, float]
    first: tuple[float, float, float]
    step: tuple[int, int, int]
    uncertainty: Volume | None = None


def viewer(shown: Shown) -> list[str]:
    """The parts of a page: sliders, a row of three views for each volume, and their data."""
    ranges = {name: _range(volume) for name, volume in shown.volumes.items()}
    names = list(ranges)
    low, high = min(one[0] for one in ranges.values()), max(one[1] for one in ranges.values())
    ids = {name: f"volume-{place}" for place, name in enumerate(names)}
    shape = shown.volumes[names[0]].shape
    facts = {
        "shape": shape,
        "low": low,
        "high": high,
        "volumes": [{"id": ids[name], "low": ranges[name][0], "high": ranges[name][1]} for name in names],
        "uncertainty": shown.uncertainty is not None,
        "slices": {axis: {"first": first, "step": step} for axis, first, step in zip("yzx", shown.first, shown.step, strict=True)},
    }
    parts = [STYLE, _sliders(shape, _percent(ranges[names[0]], low, high), shown.uncertainty is not None)]
    for place, name in enumerate(names):
        parts += [f"<h3>{escape(name)}</h3>", _views(ids[name], shape, shown.spacing, place == 0)]
    parts += [_data(ids[name], _bytes(shown.volumes[name], *ranges[name])) for name in names]
    if shown.uncertainty is not None:
        parts.append(_data("uncertainty", _bytes(shown.uncertainty, 0.0, max(_quantile(shown.uncertainty, BRIGHTEST), 0.0))))
    content = json.dumps(facts).replace("</", "<\\/")
    return [
        *parts,
        f'<script type="application/json" id="facts">{content}</script>',
        f"<script>{SCRIPT.read_text(encoding='utf-8')}</script>",
    ]


def _sliders(shape: Sequence[int], contrast: tuple[float, float], overlay: bool) -> str:
    rows = [
        _slider(axis, f"slice along {axis}{' (the tilt axis)' if axis == 'y' else ''}", count - 1, (count - 1) // 2)
        for axis, count in zip("yzx", shape, strict=True)
    ]
    rows += [_slider(name, name, 100, value, "any") for name, value in zip(("black", "white"), contrast, strict=True)]
    if overlay:
        rows.append(_slider("overlay", "uncertainty drawn over it", 100, 50))
    return f'<div class="sliders">{"".join(rows)}</div>'


def _slider(name: str, label: str, most: float, value: float, step: str = "1") -> str:
    output = f'<output id="{name}-told" for="{name}"></output>'
    return (
        f'<label for="{name}">{label}</label><input type="range" id="{name}" min="0" max="{most}" step="{step}" value="{value:g}" '
        f'autocomplete="off">{output}'
    )


def _views(volume: str, shape: Sequence[int], spacing: Sequence[float], overlay: bool) -> str:
    y, z, x = (count * edge for count, edge in zip(shape, spacing, strict=True))
    figures = []
    for plane, width, height, axes in (("y", x, z, "x →, z ↓"), ("z", x, y, "x →, y ↓"), ("x", z, y, "z →, y ↓")):
        scale = WIDEST / max(x, y, z)
        style = f"width: {max(1.0, width * scale):.1f}px; height: {max(1.0, height * scale):.1f}px"
        drawn_over = ' data-overlay="yes"' if overlay else ""
        canvas = f'<canvas id="{volume}-{plane}" data-volume="{volume}" data-plane="{plane}"{drawn_over} style="{style}"></canvas>'
        figures.append(f"<figure>{canvas}<figcaption>{axes}</figcaption></figure>")
    return f'<div class="views">{"".join(figures)}</div>'


def _data(name: str, values: npt.NDArray[np.uint8]) -> str:
    return f'<script type="application/octet-stream" id="{name}">{b64encode(values.tobytes()).decode()}</script>'


def _range(volume: Volume) -> tuple[float, float]:
    return _quantile(volume, DARKEST), _quantile(volume, BRIGHTEST)


def _quantile(volume: Volume, share: float) -> float:
    return float(np.quantile(volume, share))


def _bytes(volume: Volume, low: float, high: float) -> npt.NDArray[np.uint8]:
    """255 steps from ``low`` to ``high``."""
    scaled = np.clip((volume.astype(np.float64) - low) / (high - low), 0, 1) if high > low else np.zeros(volume.shape)
    return np.asarray(np.rint(255 * scaled), dtype=np.uint8)


def _percent(own: tuple[float, float], low: float, high: float) -> tuple[float, float]:
    """Where a volume's range lies in that of all, in percent."""
    if high <= low:
        return 0.0, 100.0
    return 100 * (own[0] - low) / (high - low), 100 * (own[1] - low) / (high - low)
