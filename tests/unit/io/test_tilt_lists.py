import numpy as np
import pytest

from mwgan.errors import InputError
from mwgan.io import read_tilts

TILTS = [-60.0, -57.5, -55.0, -52.25, 0.0, 60.0]
LINES = [f"{tilt:.2f}" for tilt in TILTS]
SECTIONS = "".join(f"[ZValue = {number}]\nTiltAngle = {tilt}\nStageZ = 1.0\n\n" for number, tilt in enumerate(TILTS))

SPELLINGS = {
    "one a line": "\n".join(LINES),
    "padded": "".join(f"{line:>10}  \n\n" for line in LINES),
    "tilt and dose": "".join(f"{line:>9} {3.0 * number:8.2f}\n" for number, line in enumerate(LINES)),
    "a file's name behind": "".join(f"{line} image_{number}.tif\n" for number, line in enumerate(LINES)),
    "commas between columns": "".join(f"{line},{number}\n" for number, line in enumerate(LINES)),
    "commas and blanks": "".join(f"{line}, {number},\n" for number, line in enumerate(LINES)),
    "decimal commas": "\n".join(LINES).replace(".", ","),
    "decimal commas in columns": "".join(f"{line};{number},5\n" for number, line in enumerate(LINES)).replace(".", ","),
    "windows": b"\xef\xbb\xbf" + "\r\n".join(LINES).encode() + b"\r\n",
    "utf-16": "\r\n".join(LINES).encode("utf-16"),
    "old mac": "\r".join(LINES),
    "comments": "# tilt angles\n; of the needle\n" + "\n".join(f"{line}  # good" for line in LINES),
    "latin-1": "# tilts in °\n".encode("latin-1") + "\n".join(LINES).encode(),
    "one line": " ".join(LINES),
    "minus signs and degrees": "\n".join(f"{line}°" for line in LINES).replace("-", "\u2212"),
    "tabs": "".join(f"{line}\t{number}\n" for number, line in enumerate(LINES)),
    "one line with commas": ",".join(LINES),
    "lines of three": " ".join(LINES[:3]) + "\n" + " ".join(LINES[3:]),
    "a heading": "tilt\n" + "\n".join(LINES),
    "a heading that names the column": "image,tilt angle,dose\n".replace(" ", "_")
    + "".join(f"{number},{line},{number * 2}\n" for number, line in enumerate(LINES)),
    "mdoc": f"PixelSpacing = 10\nImageFile = s.mrc\n\n[T = of the day]\n\n{SECTIONS}",
    "mdoc with windows' line ends": f"PixelSpacing = 10\n\n{SECTIONS}".replace("\n", "\r\n"),
    "mdoc out of order": "Voltage = 300\n" + "".join(f"[{part}" for part in reversed(SECTIONS.split("[")[1:])),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_same_tilts_in_every_spelling(spelling, tmp_path):
    content, path = SPELLINGS[spelling], tmp_path / "tilts.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert read_tilts(path, len(TILTS)) == TILTS


def test_whole_numbers_may_stand_between_commas(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("-60,-58,-56,-54\n")
    assert read_tilts(path, 4) == [-60, -58, -56, -54]
    path.write_text("0,3,6,9\n")
    assert read_tilts(path, 4) == [0, 3, 6, 9]


def test_one_line_of_two_numbers_is_a_tilt_and_its_dose_if_there_is_one_image(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("12.5 3.0\n")
    assert read_tilts(path, 1) == [12.5]
    assert read_tilts(path, 2) == [12.5, 3.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("# nothing but this\n", "empty"),
        ("-60\nup\n60\n", "line 2: 'up' is not a tilt"),
        ("zero\n1\n2\n", "line 1: 'zero' is not a tilt"),
        ("-60\nnan\n60\n", "line 2: nan is not a finite"),
        ("-60\n1e999\n60\n", "finite"),
        ("-60\n400\n60\n", "image 2 a tilt of 400"),
        ("1 -60\n2 -58\n3 -56\n4 -54\n", "only counts"),
        ("0 -60.0\n1 -58.0\n2 -56.0\n3 -54.0\n", "only counts"),
        ("-60,5\n-58,25\n-56,5\n", "its commas may"),
        (b"\x00\x01\x02\x03", "no text"),
        ("Voltage = 300\n[ZValue = 0]\nStageZ = 3\n", r"no TiltAngle in the section \[ZValue = 0\]"),
        ("[ZValue = 0]\nTiltAngle = high\n", "no TiltAngle"),
    ],
)
def test_what_is_no_list_is_refused_with_the_reason(text, message, tmp_path):
    path = tmp_path / "tilts.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=message):
        read_tilts(path)


def test_an_mdoc_of_something_else_is_refused(tmp_path):
    path = tmp_path / "frames.mdoc"
    path.write_text("Voltage = 300\n[FrameSet = 0]\nTiltAngle = 3\n")
    with pytest.raises(InputError, match="no section"):
        read_tilts(path)


def test_a_list_as_long_as_a_dose_symmetric_series_keeps_its_order(tmp_path):
    tilts = [0.0] + [float(sign * tilt) for tilt in range(3, 61, 3) for sign in (1, -1)]
    path = tmp_path / "exposure.tlt"
    np.savetxt(path, tilts, fmt="%.2f")
    assert read_tilts(path, len(tilts)) == tilts
