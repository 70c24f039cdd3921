"""Contact sheets: which moments are on them, that they are as drawn, legible and shaped like a page."""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image

from core.layout import Cancelled
from core.playback import Playback
from core.records import Trace
from gui.export import contact, still
from gui.export.page import MARGIN, Page
from gui.i18n import words
from gui.picture.scene import Picture
from gui.theme import LIGHT
from tests.gui import traces
from tests.gui.exports import export_picture

SVG = "{http://www.w3.org/2000/svg}"
EMPTY = Trace("2.13.0", "")


def texts(path: Path) -> list[str]:
    return [element.text or "" for element in ET.parse(path).iter(f"{SVG}text")]


def sheet_of(trace: Trace) -> contact.ContactSheet:
    moments = [Playback.of(trace, cursor) for cursor in range(len(trace.events) + 1)]
    return contact.ContactSheet(Page(Picture(trace, moments[0].index), moments, words("en")), moments)


def exported(trace: Trace, path: Path, **how: Any) -> np.ndarray:
    export_picture(trace, path, product="contact", **how)
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), int)


def test_every_moment_is_there_with_its_number_and_what_it_is(tmp_path: Path) -> None:
    export_picture(traces.first(), tmp_path / "p.svg", step="all", product="contact")
    found = texts(tmp_path / "p.svg")
    assert [text for text in found if text.isdecimal()] == [str(number) for number in range(1, 16)]
    for said in ("forward · operation 3 of 7", "backward 1 · step 2 of 6 · PowBackward0", "backward 1 · done"):
        assert found.count(said) == 1
    assert found.count("3*a**3") == 12  # a card of every picture from that operation on
    assert found[0] == "Pullback · 15 of 16 moments; the others show nothing new"


def test_what_shows_nothing_new_is_left_out_and_the_end_stays(tmp_path: Path) -> None:
    events = traces.first().events
    seed = events[6]  # the operation that makes the seed has no card
    for more, shown in (((*events[:7], seed, seed, *events[7:]), [*range(1, 8), *range(10, 18)]),
                        ((seed, seed), [2])):  # fmt: skip
        trace = msgspec.structs.replace(traces.first(), events=more)
        export_picture(trace, tmp_path / "p.svg", product="contact", lang="zh")
        title, *found = texts(tmp_path / "p.svg")
        assert [int(text) for text in found if text.isdecimal()] == shown
        assert title == f"Pullback · 共 {len(more) + 1} 个时刻，显示 {len(shown)} 个；其余的没有新内容"


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("how", [{"pass_": 0}, {"step": 9}])
def test_a_pass_or_one_moment(how: dict[str, Any], lang: str, tmp_path: Path) -> None:
    export_picture(traces.first(), tmp_path / "p.svg", product="contact", lang=lang, **how)
    title, *found = texts(tmp_path / "p.svg")
    moments = range(8, 15) if "pass_" in how else [9]
    assert [int(text) for text in found if text.isdecimal()] == list(moments)
    if len(moments) == 1:
        assert title == "Pullback"
    else:
        assert title == words(lang)("export.contact.all", name="Pullback", n=7)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("trace", [traces.first(), traces.fan(), traces.failed(), traces.chain(30), EMPTY])
def test_nothing_is_clipped_and_the_margin_is_empty(trace: Trace, theme: str, tmp_path: Path) -> None:
    levels = exported(trace, tmp_path / "p.png", scale=1, theme=theme)
    ink = (levels != levels[0, 0]).any(axis=2)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    for empty in (rows[0], len(ink) - 1 - rows[-1], columns[0], ink.shape[1] - 1 - columns[-1]):
        assert MARGIN / 2 <= empty <= 3 * MARGIN


@pytest.mark.parametrize("trace", [traces.first(), traces.chain(20), traces.chain(70)])
def test_it_is_shaped_like_a_page(trace: Trace) -> None:
    width, height = sheet_of(trace).size(1.0)
    ratio = max(width, height) / min(width, height)
    assert contact.RATIO / 1.5 < ratio < contact.RATIO * 1.5


def test_the_small_pictures_are_the_pages_of_their_moments() -> None:
    sheet = sheet_of(traces.first())
    for colour in ("grad_soft", "leaf_soft"):
        rgb = list(bytes.fromhex(LIGHT[colour][1:]))
        there, wanted = (
            sum(int((np.asarray(still.pixels(drawing, LIGHT, scale)) == rgb).all(axis=2).sum()) for drawing in drawings)
            for drawings, scale in (
                ([sheet], 4.0),
                ([sheet.page.at(moment) for moment in sheet.moments], 4.0 * sheet.share),
            )
        )
        assert there == pytest.approx(wanted, rel=0.03)


def test_lines_are_lines(tmp_path: Path) -> None:
    export_picture(traces.first(), tmp_path / "p.pdf", product="contact", lang="zh")
    if shutil.which("pdftotext") is None:
        pytest.skip("no pdftotext")
    text = subprocess.run(["pdftotext", str(tmp_path / "p.pdf"), "-"], capture_output=True, check=True).stdout.decode()
    assert "显示 15 个" in text
    assert text.count("SubBackward0") == 11


def test_too_many_and_the_wrong_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="are too many for a sheet, 240 are the most") as refusal:
        export_picture(traces.chain(200), tmp_path / "p.png", product="contact")
    assert "\n" not in str(refusal.value)
    with pytest.raises(ValueError, match=re.escape("p.gif: it must end in .png, .svg or .pdf")):
        export_picture(traces.first(), tmp_path / "p.gif", product="contact")
    assert not list(tmp_path.iterdir())


def test_given_up_half_way_there_is_no_file(tmp_path: Path) -> None:
    done: list[float] = []
    with pytest.raises(Cancelled):
        export_picture(
            traces.first(), tmp_path / "p.png", product="contact", progress=done.append,
            cancelled=lambda: bool(done) and done[-1] > 0.5,
        )  # fmt: skip
    assert not list(tmp_path.iterdir())
    assert done == sorted(done)
    assert done[-1] < 0.7
