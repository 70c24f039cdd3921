"""Shapes and texts on pixels, SVG and PDF; the fonts that come along."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib import font_manager
from matplotlib.backends.backend_pdf import PdfFile, RendererPdf
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.font_manager import FontProperties
from PIL import Image

from core.playback import Playback
from gui import fonts
from gui.i18n import words
from gui.picture import paint
from gui.picture.scene import Box, Boxes, Curve, Label, Picture, Raster, Scene, Shape
from gui.picture.shapes import Formula, formula_rect, formula_size
from gui.picture.thumbnail import coloured
from gui.theme import DARK, LIGHT
from tests.gui import traces

ROOT = Path(__file__).parents[2]
WIDTH, HEIGHT = 120, 80


def drawn(*shapes: Shape, labels: tuple[Label, ...] = (), scale: float = 1.0, **view: Any) -> np.ndarray:
    """Levels of red, green and blue, by row and column."""
    renderer = paint.screen(WIDTH, HEIGHT, LIGHT)
    paint.Painter(renderer, HEIGHT, LIGHT, scale=scale, **view).paint(Scene(shapes, labels))
    return np.asarray(paint.pixels(renderer).convert("RGB"), int)


def as_svg(*shapes: Shape, labels: tuple[Label, ...] = ()) -> str:
    target = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        renderer = RendererSVG(WIDTH, HEIGHT, target)
        paint.Painter(renderer, HEIGHT, LIGHT).paint(Scene(shapes, labels))
        renderer.finalize()
    return target.getvalue()


def is_colour(picture: np.ndarray, name: str) -> np.ndarray:
    """Where a picture has exactly a colour of the theme."""
    result: np.ndarray = (picture == list(bytes.fromhex(LIGHT[name][1:]))).all(axis=-1)
    return result


# ── Shapes ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("offset", [0.0, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("scale", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("pixels", [1, 2, 3])
def test_straight_lines_are_sharp_wherever_they_lie(offset: float, scale: float, pixels: int) -> None:
    weight = pixels / scale
    box = Box(10 + offset, 8 + offset, 36, 24, line="grad", weight=weight, radius=0)
    column = is_colour(drawn(box, scale=scale), "grad")[:, int(26 * scale)]
    assert column.sum() == 2 * pixels
    flat = Curve(((5, 12.3 + offset), (20, 12.3 + offset), (30, 12.3 + offset), (45, 12.3 + offset)), "grad", weight)
    column = is_colour(drawn(flat, scale=scale), "grad")[:, int(26 * scale)]
    assert column.sum() == pixels


def test_a_box_is_where_it_is_said_to_be() -> None:
    ys, xs = np.nonzero(is_colour(drawn(Box(10, 20, 30, 15, fill="grad", radius=4)), "grad"))
    assert (xs.min(), xs.max() + 1, ys.min(), ys.max() + 1) == (10, 40, 20, 35)
    assert not is_colour(drawn(Box(10, 20, 30, 15, fill="grad", radius=4)), "grad")[20, 10]  # round
    square = is_colour(drawn(Box(10, 20, 30, 15, fill="grad", radius=4, square="top")), "grad")
    assert square[20, 10]
    assert not square[34, 10]
    moved = is_colour(drawn(Box(10, 20, 30, 15, fill="grad", radius=4), scale=2, origin=(5, 10)), "grad")
    ys, xs = np.nonzero(moved)
    assert (xs.min(), xs.max() + 1, ys.min(), ys.max() + 1) == (10, 70, 20, 50)


def test_arrow_heads_end_where_the_line_ends() -> None:
    points = ((10.0, 40.0), (40.0, 40.0), (70.0, 40.0), (100.0, 40.0))
    plain = is_colour(drawn(Curve(points, "grad", 2)), "grad")
    for arrow, tip, back in (("end", 100, 92), ("start", 10, 18)):
        picture = drawn(Curve(points, "grad", 2, arrow=arrow))
        assert is_colour(picture, "grad")[:, back].sum() > plain[:, back].sum() + 2
        xs = np.nonzero((picture != picture[0, 0]).any((0, 2)))[0]
        assert abs((xs.max() + 1 if arrow == "end" else xs.min()) - tip) <= 1


def test_dashes_have_gaps() -> None:
    points = ((10.0, 40.0), (40.0, 40.0), (70.0, 40.0), (100.0, 40.0))
    row = is_colour(drawn(Curve(points, "cut", 2, dashed=True)), "cut")[39:41].any(axis=0)
    assert np.count_nonzero(np.diff(row.astype(int)) == 1) >= 8
    assert is_colour(drawn(Curve(points, "cut", 2)), "cut")[39:41].any(axis=0)[12:98].all()


def test_many_rectangles_at_once() -> None:
    rects = np.array([[0, 0, 10, 10], [20, 0, 30, 10]], float)
    assert is_colour(drawn(Boxes(rects, "leaf")), "leaf").sum() == 200
    assert not is_colour(drawn(Boxes(np.empty((0, 4)), "leaf")), "leaf").any()


LEVELS = bytes((0, 50, 100, 150, 200, 254))
RASTER = Raster(10, 20, 30, 20, 2, 3, LEVELS)


def test_a_raster_fills_its_rectangle_with_sharp_squares() -> None:
    picture = drawn(RASTER)
    for number in range(6):
        row, column = divmod(number, 3)
        square = picture[20 + 10 * row : 30 + 10 * row, 10 + 10 * column : 20 + 10 * column]
        assert (square == coloured(np.array([[LEVELS[number]]], np.uint8), LIGHT)[0, 0, :3]).all()
    assert (picture[19, 10:40] == picture[0, 0]).all()


def test_a_raster_stands_the_right_way_up_in_svg() -> None:
    image = re.search(r"<image .*?/>", as_svg(RASTER), re.DOTALL)
    assert image is not None
    code = re.search(r"base64,\s*([^\"]*)", image[0])
    matrix = re.search(r"matrix\(([^)]*)\)", image[0])
    assert code is not None
    assert matrix is not None
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(code[1]))).convert("RGB"), int)
    a, b, c, d, e, f = map(float, re.split(r"[ ,]+", matrix[1]))
    height, width = pixels.shape[:2]
    seen = {}
    for x, y in ((1, 1), (width - 1, 1), (1, height - 1), (width - 1, height - 1)):
        seen[round((a * x + c * y + e - 10) / 30), round((b * x + d * y + f - 20) / 20)] = tuple(pixels[y, x])
    corners = coloured(np.frombuffer(LEVELS, np.uint8).reshape(2, 3)[:, [0, 2]], LIGHT)[..., :3].tolist()
    assert seen == {(x, y): tuple(corners[y][x]) for x in (0, 1) for y in (0, 1)}


@pytest.mark.parametrize("size", [(0, 3), (2, 0)])
def test_a_raster_of_nothing(size: tuple[int, int]) -> None:
    assert (drawn(Raster(10, 20, 30, 20, *size, b"")) == drawn()).all()
    assert (drawn(Raster(10, 20, 0.2, 20, 1, 1, b"\0")) == drawn()).all()


# ── Texts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_small_texts_are_left_out_of_pixels_only() -> None:
    label = (Label(10, 20, "value", "text"),)
    assert (drawn(labels=label, scale=0.2) == drawn()).all()
    assert (drawn(labels=label) != drawn()).any()
    target = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        renderer = RendererSVG(WIDTH, HEIGHT, target)
        paint.Painter(renderer, HEIGHT, LIGHT, scale=0.2).paint(Scene((), label))
        renderer.finalize()
    assert ">value</text>" in target.getvalue()


def test_anchors() -> None:
    places = {}
    for anchor in "wce":
        xs = np.nonzero((drawn(labels=(Label(60, 40, "mmmm", "text", anchor=anchor),)) != drawn()[0, 0]).any((0, 2)))[0]
        places[anchor] = xs.min(), xs.max()
    assert 59 <= places["w"][0] <= 61
    assert 59 <= places["e"][1] <= 61
    assert sum(places["c"]) / 2 == pytest.approx(60, abs=1)


def test_text_in_svg_is_text() -> None:
    svg = as_svg(labels=(Label(5, 20, "$x$ & 值 <y>", "text", bold=True),))
    assert ">$x$ &amp; 值 &lt;y&gt;</text>" in svg
    assert "font-family: 'DejaVu Sans Mono'" in svg


def test_what_no_font_has_is_marked_and_nothing_warns() -> None:
    labels = (Label(5, 20, "a\ue000b\x01\n", "text"),)
    assert ">a�b��</text>" in as_svg(labels=labels)
    assert (drawn(labels=labels) == drawn(labels=(Label(5, 20, "a�b��", "text"),))).all()


def shown_texts() -> set[str]:
    tables = [json.loads(path.read_text("utf-8")).values() for path in (ROOT / "assets" / "i18n").glob("*.json")]
    return {text for table in tables for text in table}


def test_the_fonts_have_every_chinese_character_that_is_shown() -> None:
    charmaps = [font_manager.get_font(path).get_charmap() for path in fonts.files()]
    pages = [path.read_text("utf-8") for path in (ROOT / "assets").rglob("*.md")]
    missing = {
        char
        for text in (*shown_texts(), *pages)
        for char in text
        if "\u2e80" <= char <= "\uffef" and not any(ord(char) in charmap for charmap in charmaps)
    }
    assert not missing


def test_matplotlib_takes_the_fonts_that_come_along() -> None:
    ours = {str(path) for path in fonts.files()}
    assert len(ours) == 5
    assert all(os.path.exists(path) for path in ours)
    found = {
        str(font_manager.findfont(FontProperties(family=family, weight=weight)))
        for mono in (True, False)
        for family in fonts.families(mono)[:3]
        for weight in ("normal", "bold")
    }
    assert found == ours


def test_widths_are_those_that_are_drawn() -> None:
    renderer = paint.screen(8, 8, LIGHT)
    texts = {*shown_texts(), "AccumulateGrad", "PowBackward0", "[-12, 65]", "WWW", "1001 of 2000 paths", "✂ cut", "…"}
    for text in sorted(map(paint._readable, texts)):
        for mono, bold in ((True, False), (True, True), (False, False)):
            real = renderer.get_text_width_height_descent(text, paint._font(mono, bold, 13.0), False)[0]
            assert real - 0.6 <= fonts.text_width(text, 13.0, mono) <= 1.25 * real + 6, text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_text_leaves_its_card(language: str) -> None:
    renderer = paint.screen(8, 8, DARK)
    for trace in (traces.first(), traces.first(cut=True), traces.fan(), traces.failed()):
        playback = Playback.of(trace)
        picture = Picture(trace, playback.index)
        for cursor in range(len(trace.events) + 1):
            scene = picture.scene(playback.at(cursor), words(language))
            boxes = [shape for shape in scene.shapes if isinstance(shape, Box) and shape.line and shape.height > 0]
            for label in scene.labels:
                around = [box for box in boxes if box.x <= label.x <= box.x + box.width
                          and box.y <= label.y <= box.y + box.height]  # fmt: skip
                if not around:
                    continue
                font = paint._font(label.mono, label.bold, label.size)
                width = renderer.get_text_width_height_descent(paint._readable(label.text), font, False)[0]
                left = label.x - {"w": 0.0, "e": width, "c": width / 2}[label.anchor]
                box = min(around, key=lambda box: box.width * box.height)
                assert box.x <= left, label
                assert left + width <= box.x + box.width + 1.5, label


NO_FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{0}/none</dir><cachedir>{0}/cache</cachedir></fontconfig>"""
ASK_TK = """
from gui import fonts
fonts.register()
import tkinter, tkinter.font
root = tkinter.Tk()
known = set(tkinter.font.families(root))
print(*(family in known for family in (fonts.SANS, fonts.MONO, fonts.HANZI)))
print(tkinter.font.Font(root, family=fonts.SANS, size=-20).measure("值"))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="fontconfig")
def test_tk_has_the_fonts_where_the_system_has_none(display: str, tmp_path: Path) -> None:
    config = tmp_path / "fonts.conf"
    config.write_text(NO_FONTS.format(tmp_path))
    environment = os.environ | {"FONTCONFIG_FILE": str(config), "DISPLAY": display}
    said = subprocess.check_output([sys.executable, "-c", ASK_TK], cwd=ROOT, env=environment, text=True).split()
    assert said == ["True", "True", "True", "20"]


# ── Formulas ──────────────────────────────────────────────────────────────────────────────────────────────────────

SUM = r"\bar{x}_i = \sum_j v_j \frac{\partial y_j}{\partial x_i}"


@pytest.mark.parametrize("formula", ["x", SUM, r"\hat{A}^{2}"])
def test_a_formula_fills_its_rectangle(formula: str) -> None:
    shape = Formula(8, 40, formula, "grad", 14)
    for scale in (1.0, 4.0):
        renderer = paint.screen(round(WIDTH * 2 * scale), round(HEIGHT * scale), LIGHT)
        empty = np.asarray(paint.pixels(renderer).convert("RGB"), int)
        paint.Painter(renderer, HEIGHT * scale, LIGHT, scale=scale).paint(Scene((shape,)))
        ys, xs = np.nonzero((np.asarray(paint.pixels(renderer).convert("RGB"), int) != empty).any(-1))
        left, top, right, bottom = formula_rect(shape)
        # Italic letters lean out of their box, and matplotlib's boxes have room above and below.
        assert xs.min() / scale == pytest.approx(left, abs=3)
        assert xs.max() / scale == pytest.approx(right, abs=3)
        assert top - 1 <= ys.min() / scale
        assert ys.max() / scale <= bottom + 1


def test_a_formula_is_measured_in_proportion() -> None:
    assert formula_size(SUM, 28) == pytest.approx([2 * side for side in formula_size(SUM, 14)])
    with pytest.raises(ValueError, match="Unknown symbol"):
        formula_size(r"\nothing", 14)


def test_a_formula_is_lines_in_svg_and_needs_no_font() -> None:
    svg = as_svg(Formula(8, 40, SUM, "grad", 14))
    assert "<text" not in svg
    assert "<path" in svg
    assert LIGHT["grad"].lower() in svg


def as_pdf(*shapes: Shape) -> bytes:
    target = io.BytesIO()
    with matplotlib.rc_context({"pdf.fonttype": 42, "pdf.compression": 0}):
        file = PdfFile(target)
        file.newPage(WIDTH / 72, HEIGHT / 72)
        renderer = RendererPdf(file, 72, HEIGHT / 72, WIDTH / 72)
        paint.Painter(renderer, HEIGHT, LIGHT).paint(Scene(shapes))
        renderer.finalize()
        file.finalize()
        file.close()
    return target.getvalue()


@pytest.mark.skipif(not shutil.which("pdftoppm"), reason="poppler is not installed")
def test_a_formula_in_a_pdf_has_its_fonts_and_stands_where_it_stands_in_pixels(tmp_path: Path) -> None:
    shape = Formula(8, 40, SUM, "grad", 12)
    blob = as_pdf(shape)
    assert b"/FontFile2" in blob
    assert b"/Subtype /Type3" not in blob
    (tmp_path / "x.pdf").write_bytes(blob)
    subprocess.run(["pdftoppm", "-r", "288", "-png", "-singlefile", "x.pdf", "x"], cwd=tmp_path, check=True)
    dark = np.asarray(Image.open(tmp_path / "x.png").convert("L")) < 200
    renderer = paint.screen(WIDTH * 4, HEIGHT * 4, LIGHT)
    paint.Painter(renderer, HEIGHT * 4, LIGHT, scale=4).paint(Scene((shape,)))
    there = np.asarray(paint.pixels(renderer).convert("L")) < 200
    for axis in (0, 1):
        ours, theirs = np.nonzero(there.any(axis))[0], np.nonzero(dark.any(axis))[0]
        assert [theirs.min(), theirs.max()] == pytest.approx([ours.min(), ours.max()], abs=5)  # rounded up to a point


@pytest.mark.parametrize("corner", [(45, 30), (70, 10), (72, 52)])
def test_an_outline_that_leaves_the_picture_keeps_its_course(corner: tuple[int, int]) -> None:
    scene = Scene((Box(20, 20, 60, 40, "", "accent", 2, radius=14),))

    def drawn(width: int, height: int, origin: tuple[int, int]) -> np.ndarray:
        renderer = paint.screen(width, height, LIGHT)
        paint.Painter(renderer, height, LIGHT, origin=origin).paint(scene)
        return np.asarray(paint.pixels(renderer).convert("RGB"), int)

    x, y = corner
    assert abs(drawn(140, 120, (0, 0))[y : y + 40, x : x + 40] - drawn(40, 40, corner)).max() < 4
