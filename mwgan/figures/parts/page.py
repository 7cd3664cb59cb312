"""Elements of a self-contained HTML page: escaped text, tables, and embedded figures."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from io import BytesIO

from matplotlib.figure import Figure

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #222; max-width: 1180px; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.5em; margin-bottom: 0.2em; } h2 { font-size: 1.2em; margin-top: 2em; border-bottom: 1px solid #ccc; }
h3 { font-size: 1em; margin-bottom: 0.3em; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; } caption { text-align: left; color: #555; padding-bottom: 0.3em; }
th, td { padding: 0.25em 0.7em 0.25em 0; text-align: left; vertical-align: top; border-bottom: 1px solid #e4e4e4; }
th { white-space: nowrap; } .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td:first-child { white-space: nowrap; } small { color: #555; }
img { max-width: 100%; height: auto; } summary { cursor: pointer; padding: 0.3em 0; }
.absent { color: #8a4b00; } .done { color: #116329; } code { font-size: 12px; overflow-wrap: anywhere; }
"""


class Cell(str):
    """A table cell that is already HTML; plain strings are escaped."""


def page(title: str, parts: Sequence[str]) -> str:
    """A complete document of HTML ``parts``."""
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title><style>{STYLE}</style>'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body>\n' + "\n".join(parts) + "\n</body></html>\n"


def heading(text: str, level: int = 2) -> str:
    """A heading."""
    return f"<h{level}>{escape(text)}</h{level}>"


def sentence(text: str, absent: bool = False) -> str:
    """A paragraph; ``absent`` marks one about something missing."""
    return f'<p class="absent">{escape(text)}</p>' if absent else f"<p>{escape(text)}</p>"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "", numbers: Sequence[int] = ()) -> str:
    """A table that scrolls horizontally in a narrow window; columns of ``numbers`` are right-aligned."""
    head = "".join(f"<th{_kind(place in numbers)}>{escape(name)}</th>" for place, name in enumerate(headings))
    body = "\n".join(f"<tr>{''.join(_cell(value, place in numbers) for place, value in enumerate(row))}</tr>" for row in rows)
    caption_html = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<div class="wide"><table>{caption_html}<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>'


def folded(summary: str, content: str, is_open: bool = False) -> str:
    """HTML that opens when its summary is clicked, without a script."""
    return f"<details{' open' if is_open else ''}><summary>{escape(summary)}</summary>{content}</details>"


def picture(drawn: Figure | bytes, alternative: str) -> str:
    """A figure, or the bytes of a PNG, inside the page."""
    if isinstance(drawn, Figure):
        stream = BytesIO()
        drawn.savefig(stream, format="png", bbox_inches="tight", pad_inches=0.06, pil_kwargs={"optimize": True})
        drawn = stream.getvalue()
    return f'<p><img alt="{escape(alternative)}" src="data:image/png;base64,{b64encode(drawn).decode()}"></p>'


def _cell(value: str, is_number: bool) -> str:
    return f"<td{_kind(is_number)}>{value if isinstance(value, Cell) else escape(value)}</td>"


def _kind(is_number: bool) -> str:
    return ' class="number"' if is_number else ""
