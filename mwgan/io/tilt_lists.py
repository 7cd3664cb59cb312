"""Lists of tilts in common layouts: one per line or all in one, with more columns, commas, comments or a heading."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

from mwgan.errors import InputError
from mwgan.io.mdoc import SECTION, read_mdoc

COMMENTS = ("#", ";", "!", "%", "//")
HEADINGS = ("tilt", "angle", "theta", "deg", "image", "frame", "dose")
LARGEST_DEG = 360.0
LARGEST_BYTES = 1 << 25  # of text: an .mdoc has a few thousand per image
DECIMAL_COMMA = re.compile(r"^[+-]?\d+,\d+$")
FEWEST_COUNTED = 4  # rows needed to recognise a column that only counts


def read_tilts(path: str | Path, images: int | None = None) -> list[float]:
    """The tilts in degrees in the file's order, from a text file in any of these layouts, or SerialEM's ``.mdoc``.

    Parameters
    ----------
    path
        The file.
    images
        Expected number, which decides whether a line of several numbers is one tilt with more columns or several tilts.
    """
    path = Path(path)
    text = read_text(path)
    if path.suffix.lower() == ".mdoc" or SECTION.search(text):
        tilts = list(read_mdoc(text, path).tilt_deg)
        check_range(tilts, path)
        return tilts
    lines = [(number, _without_comment(line)) for number, line in enumerate(text.splitlines(), start=1)]
    lines = [(number, line) for number, line in lines if line]
    heading: list[str] = []
    if len(lines) > 1 and any(word in lines[0][1].lower() for word in HEADINGS) and not any(map(str.isdigit, lines[0][1])):
        heading = re.split(r"[,;\s]+", lines.pop(0)[1].lower())
    rows = _rows(lines, path)
    if not rows:
        raise InputError(f"{path} is empty: give at least one tilt in degrees")
    everything = [number for row in rows for number in row]
    in_lines = len(everything) > len(rows) != images and (len(rows) == 1 or len(everything) == images)
    tilts = everything if in_lines else _column(rows, heading, path)
    check_range(tilts, path)
    return tilts


def read_text(path: Path) -> str:
    """The text of a file, with or without a byte-order mark, in UTF-8 or else Latin-1; a file with zero bytes is no text."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"the tilt file {path} can't be read ({reason}): give a text file with one tilt in degrees per line") from error
    if len(content) > LARGEST_BYTES:
        raise InputError(f"the tilt file {path} is too large to be a list of tilts: give a text file with one tilt in degrees per line")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = content.decode("utf-16", "replace")
    elif b"\0" in content:
        raise InputError(f"the tilt file {path} is no text: give a text file with one tilt in degrees per line, or an .mdoc")
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("latin-1")
    for written, meant in {"\r\n": "\n", "\r": "\n", "\u2212": "-", "°": ""}.items():
        text = text.replace(written, meant)
    return text


def _rows(lines: list[tuple[int, str]], path: Path) -> list[list[float]]:
    decimal = _commas_are_decimal([line for _, line in lines], path)
    rows: list[list[float]] = []
    for number, line in lines:
        rows.append([])
        for word in re.split(r",\s+|[;\s]+" if decimal else r"[,;\s]+", line.strip(",; ")):
            try:
                value = float(word.replace(",", ".") if decimal else word)
            except ValueError as error:
                if rows[-1]:
                    break  # a file name or a remark after the tilt
                raise InputError(f"{path}, line {number}: {line!r} is not a tilt; give one number of degrees per line") from error
            if not math.isfinite(value):
                raise InputError(f"{path}, line {number}: {word} is not a finite number of degrees; give the tilt of that image")
            rows[-1].append(value)
    return rows


def _commas_are_decimal(lines: list[str], path: Path) -> bool:
    """Whether commas are decimal points; never in files that have points."""
    if not any("," in line for line in lines) or any("." in line for line in lines):
        return False
    split = [re.split(r",\s+|[;\s]+", line.strip(",; ")) for line in lines]
    words = [word for parts in split for word in parts]
    if any(word.count(",") > 1 or word.endswith(",") or ",-" in word or ",+" in word for word in words):
        return False
    decimals = [word for word in words if DECIMAL_COMMA.match(word)]
    if not decimals:
        return False
    something_else_separates = any(len(parts) > 1 for parts in split)
    if something_else_separates or len({len(word.partition(",")[2]) for word in decimals}) == 1 or len(decimals) < len(lines):
        return True
    raise InputError(f"{path}: its commas may separate columns or be decimal points; write points for decimals")


def _column(rows: list[list[float]], heading: list[str], path: Path) -> list[float]:
    """The column with the heading tilt, or else the first, unless that only counts the images."""
    width = min(map(len, rows))
    named = [place for place, word in enumerate(heading[:width]) if any(name in word for name in HEADINGS[:3])]
    place = named[0] if named else 0
    column = [row[place] for row in rows]
    counting = (
        len(rows) >= FEWEST_COUNTED and width > 1 and column[0] in (0, 1) and column == [column[0] + step for step in range(len(rows))]
    )
    if counting and not named:
        raise InputError(
            f"{path}: its first column only counts ({column[0]:g}, {column[1]:g}, {column[2]:g} …); give a file of the tilts alone"
        )
    return column


def check_range(tilts: Sequence[float], name: str | Path) -> None:
    """Raise an :class:`InputError` if a tilt is beyond ±360 degrees."""
    for position, tilt in enumerate(tilts, start=1):
        if abs(tilt) > LARGEST_DEG:
            raise InputError(f"{name} gives image {position} a tilt of {tilt:g}: tilts are degrees between -360 and 360")


def _without_comment(line: str) -> str:
    line = line.strip()
    return "" if line.startswith(COMMENTS) else re.split(r"\s[#!%]", line)[0].strip()
