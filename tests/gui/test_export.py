"""Picture files: what is in them, that they agree, and what is refused."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image

from core.playback import Playback
from core.records import Failure, Trace
from gui.export import film, page, still
from gui.i18n import words
from gui.picture import paint
from gui.picture.scene import Box, Boxes, Curve, Curves, Picture, Raster, Scene
from gui.picture.shapes import Formula
from gui.theme import LIGHT, PALETTES
from tests.gui import traces
from tests.gui.exports import export_picture
from tests.gui.test_golden import differing

SVG = "{http://www.w3.org/2000/svg}"
EMPTY = Trace("2.13.0", "")


def page_of(trace: Trace, cursor: int, lang: str = "en") -> tuple[page.Page, Playback]:
    moment = Playback.of(trace, cursor)
    return page.Page(Picture(trace, moment.index), [moment], words(lang)), moment


def picture(trace: Trace, folder: Path, **how: Any) -> Image.Image:
    export_picture(trace, folder / "p.png", **how)
    with Image.open(folder / "p.png") as image:
        return image.convert("RGB")


# ── The page ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("trace", [traces.first(), traces.first(cut=True), traces.fan(), traces.failed(), EMPTY])
def test_nothing_is_clipped_and_little_is_empty(trace: Trace, theme: str, lang: str, tmp_path: Path) -> None:
    for step in {0, len(trace.events) // 2, len(trace.events)}:
        levels = np.asarray(picture(trace, tmp_path, step=step, scale=2, theme=theme, lang=lang), int)
        ink = (levels != levels[0, 0]).any(axis=2)
        rows, columns = np.nonzero(ink.any(axis=1))[0], np.nonzero(ink.any(axis=0))[0]
        for empty in (rows[0], len(ink) - 1 - rows[-1], columns[0], ink.shape[1] - 1 - columns[-1]):
            assert empty >= page.MARGIN  # half of the margin at scale 2
        assert rows[0] <= 5 * page.MARGIN
        assert columns[0] <= 3 * page.MARGIN


def test_the_extents_of_every_shape() -> None:
    corners = np.array([[0, 0, 4, 3], [8, 5, 9, 7]], float)
    ends = np.array([[0, 1], [2, 9], [3, -4], [7, 2]], float)
    line = ((0.0, 5.0), (1.0, 5.0), (2.0, 6.0), (3.0, 5.0))
    shapes = (
        Box(1, 2, 3, 4, weight=2), Boxes(corners, "far"), Raster(5, 6, 7, 8, 1, 1, b"0"), Curve(line, "edge"),
        Curves(ends, np.array([True, False, False, False]), "edge"), Formula(10, 20, "x", "text", 12),
    )  # fmt: skip
    found = [tuple(map(float, rect)) for rect in page.extents(Scene(shapes))]
    *others, (left, top, right, bottom) = found
    assert others == [(0, 1, 5, 7), (0, 0, 9, 7), (5, 6, 12, 14), (0, 5, 3, 6), (0, -4, 7, 9)]
    assert (left, (top + bottom) / 2) == (10, 20)
    assert 4 < right - left < 12


def test_a_still_shows_what_is_there_and_no_more(tmp_path: Path) -> None:
    early, late = (picture(traces.chain(40), tmp_path, step=step, scale=1) for step in (3, "last"))
    assert early.width < late.width / 3


def test_a_small_picture_stands_in_the_middle(tmp_path: Path) -> None:
    levels = np.asarray(picture(traces.fan(), tmp_path, scale=2), int)
    above = (levels[: len(levels) // 2] != levels[0, 0]).any(axis=(0, 2))
    left, right = np.nonzero(above)[0][[0, -1]]
    assert left > 2 * page.MARGIN + 10
    assert left == pytest.approx(len(above) - right, abs=4)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_went_wrong_is_said(lang: str, tmp_path: Path) -> None:
    trace = traces.failed()
    export_picture(trace, tmp_path / "p.svg", lang=lang)
    text = " ".join(texts(tmp_path / "p.svg"))
    assert trace.error is not None
    assert trace.error.type in text
    assert trace.error.message in text
    assert words(lang)("error.mark", line=3) in text
    export_picture(trace, tmp_path / "p.svg", step=0, lang=lang)
    assert trace.error.message not in " ".join(texts(tmp_path / "p.svg"))


def test_a_long_failure_keeps_to_the_page(tmp_path: Path) -> None:
    error = Failure("RuntimeError", "word " * 300 + "x" * 3000 + "错" * 300, 3)
    image = picture(msgspec.structs.replace(traces.failed(), error=error), tmp_path, scale=1)
    assert image.width < 800
    assert image.height < 600


def test_the_moment_is_said(tmp_path: Path) -> None:
    export_picture(traces.first(), tmp_path / "p.svg", step=2, pass_=0)
    assert "backward 1 · step 2 of 6 · PowBackward0" in texts(tmp_path / "p.svg")
    export_picture(traces.first(), tmp_path / "p.svg", step=2)
    assert "forward · operation 2 of 7" in texts(tmp_path / "p.svg")


# ── The kinds agree ───────────────────────────────────────────────────────────────────────────────────────────────


def texts(path: Path) -> list[str]:
    return [element.text or "" for element in ET.parse(path).iter(f"{SVG}text")]


@pytest.mark.parametrize(("lang", "theme"), [("en", "light"), ("zh", "dark")])
def test_svg_holds_the_scene(lang: str, theme: str, tmp_path: Path) -> None:
    trace = traces.first()
    sheet, moment = page_of(trace, 10, lang)
    export_picture(trace, tmp_path / "p.svg", step=10, lang=lang, theme=theme)
    root = ET.parse(tmp_path / "p.svg").getroot()
    width, height = sheet.size(1.0)
    assert float(root.get("width", "")) == pytest.approx(width, abs=0.01)
    assert float(root.get("height", "")) == pytest.approx(height, abs=0.01)
    scene: Scene = sheet.picture.scene(moment, words(lang))
    wanted = sorted(label.text for label in (*scene.labels, *sheet.foot(moment, 900).scene.labels))
    assert sorted(texts(tmp_path / "p.svg")) == wanted
    # A card's outline is where the scene has it, moved by the frame and the margin.
    card = next(shape for shape in scene.shapes if isinstance(shape, Box) and shape.fill == "card")
    left, top, _, _ = sheet.frame
    moved = max(page.MARGIN, (width - (sheet.frame[2] - left)) / 2)
    x, y = card.x - left + moved, card.y - top + page.MARGIN
    starts = [re.match(r"M ([\d.]+) ([\d.]+)", path.get("d", "")) for path in root.iter(f"{SVG}path")]
    places = [(float(start[1]), float(start[2])) for start in starts if start]
    assert any(abs(a - x) < 0.6 and abs(b - y) < card.radius + 0.6 for a, b in places)
    fills = set(re.findall(r"fill: (#[0-9a-f]{6})", ET.tostring(root).decode()))
    palette = {colour.lower() for colour in PALETTES[theme].values()}
    assert fills <= palette
    assert PALETTES[theme]["canvas"].lower() in fills


def test_svg_carries_its_glyphs(tmp_path: Path) -> None:
    export_picture(traces.first(), tmp_path / "p.svg", step=10, lang="zh")
    text = (tmp_path / "p.svg").read_text("utf-8")
    families = set(re.findall(r"@font-face\{font-family:'([^']+)'", text))
    assert families == {"DejaVu Sans", "DejaVu Sans Mono", "Pullback Sans SC"}
    assert re.search(r"font-family: 'DejaVu Sans Mono', .*'PingFang SC'.*, monospace", text)
    assert len(text) < 100_000


def rasterised(path: Path, size: tuple[int, int]) -> Image.Image:
    tool = {".pdf": "pdftoppm", ".svg": "rsvg-convert"}[path.suffix]
    if shutil.which(tool) is None:
        pytest.skip(f"no {tool}")
    command = ["pdftoppm", "-png", "-r", "144", str(path)] if tool == "pdftoppm" else [tool, "-z", "2", str(path)]
    blob = subprocess.run(command, capture_output=True, check=True).stdout
    return Image.open(io.BytesIO(blob)).convert("RGB").resize(size)


@pytest.mark.parametrize("kind", ["svg", "pdf"])
@pytest.mark.parametrize(("lang", "theme"), [("en", "light"), ("zh", "dark")])
def test_lines_and_pixels_show_the_same(kind: str, lang: str, theme: str, tmp_path: Path) -> None:
    how: dict[str, Any] = {"step": 10, "lang": lang, "theme": theme}
    pixels = picture(traces.first(), tmp_path, scale=2, **how)
    export_picture(traces.first(), tmp_path / f"p.{kind}", **how)
    other = rasterised(tmp_path / f"p.{kind}", pixels.size)
    # Two rasterisers place every edge a little differently; smaller pictures leave what matters.
    small = (pixels.width // 8, pixels.height // 8)
    one, two = (np.asarray(image.resize(small, Image.Resampling.BOX).convert("RGB"), int) for image in (pixels, other))
    assert abs(one - two).mean() < 2
    export_picture(traces.first(), tmp_path / f"q.{kind}", **{**how, "step": 5})
    third = rasterised(tmp_path / f"q.{kind}", pixels.size).resize(small, Image.Resampling.BOX).convert("RGB")
    assert abs(one - np.asarray(third, int)).mean() > 4


def test_pdf_embeds_its_fonts(tmp_path: Path) -> None:
    export_picture(traces.first(), tmp_path / "p.pdf", step=10, lang="zh")
    blob = (tmp_path / "p.pdf").read_bytes()
    for name in (b"DejaVuSans", b"DejaVuSansMono", b"PullbackSansSC-Regular"):
        assert re.search(rb"/FontName /[A-Z]{6}\+" + name + rb"\b", blob)
    assert blob.count(b"/FontFile2") >= 3
    assert b"/Type3" not in blob
    if shutil.which("pdftotext"):
        text = subprocess.run(["pdftotext", str(tmp_path / "p.pdf"), "-"], capture_output=True, check=True).stdout
        assert "AccumulateGrad" in text.decode()
        assert "梯度" in text.decode()


@pytest.mark.parametrize("kind", ["png", "svg", "pdf", "gif", "webp"])
def test_the_same_picture_is_the_same_file(kind: str, tmp_path: Path) -> None:
    for name in "ab":
        export_picture(traces.fan(), tmp_path / f"{name}.{kind}", scale=1)
    assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_scale_is_pixels(tmp_path: Path) -> None:
    one, four = (picture(traces.fan(), tmp_path, scale=scale) for scale in (1, 4))
    assert abs(four.width - 4 * one.width) <= 4
    with Image.open(tmp_path / "p.png") as image:
        assert image.info["dpi"][0] == pytest.approx(384, abs=0.1)


# ── Large pictures ────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_too_large_is_drawn_smaller_and_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert export_picture(traces.first(), tmp_path / "p.png", scale=1.5) == 1.5
    monkeypatch.setattr(still, "WIDEST", 700)
    scale = export_picture(traces.first(), tmp_path / "p.png", scale=2)
    assert scale < 1
    with Image.open(tmp_path / "p.png") as image:
        assert 600 < image.width <= 700
    monkeypatch.setattr(film, "LARGEST_FILM", 16 * 100_000)
    assert export_picture(traces.first(), tmp_path / "p.gif", scale=2) < 1
    with Image.open(tmp_path / "p.gif") as moving:
        assert moving.width * moving.height <= 100_000
    monkeypatch.setattr(still, "PAGE", 500.0)
    assert export_picture(traces.first(), tmp_path / "p.pdf") < 1
    box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", (tmp_path / "p.pdf").read_bytes())
    assert box is not None
    assert float(box[1]) == pytest.approx(500, abs=30)
    assert export_picture(traces.first(), tmp_path / "p.svg") == 1


def test_a_very_wide_graph(tmp_path: Path) -> None:
    trace = traces.chain(900)
    scale = export_picture(trace, tmp_path / "p.png")
    with Image.open(tmp_path / "p.png") as image:
        assert max(image.size) <= still.WIDEST
        assert image.width * image.height <= still.LARGEST
        assert len(image.convert("RGB").getcolors(1 << 24) or ()) > 5
    assert 0 < scale <= 2
    export_picture(trace, tmp_path / "p.svg", step=450)
    assert (tmp_path / "p.svg").stat().st_size > 10_000


def test_what_stands_below_stays_legible_when_the_picture_is_small() -> None:
    sheet, moment = page_of(traces.first(), 10)
    width, height = (round(side) for side in sheet.size(0.1))
    renderer = paint.screen(width, height, LIGHT)
    painter = paint.Painter(renderer, height, LIGHT)
    sheet.draw(painter, moment, 0.1)
    assert {text for text, _, _ in painter.texts} == {label.text for label in sheet.foot(moment, 900).scene.labels}


# ── What is refused, what stays ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "how", "said"),
    [
        ("p.bmp", {}, "must end in"),
        ("p", {}, "must end in"),
        ("p.png", {"step": 16}, "no step 16; the program has 15"),
        ("p.png", {"step": -1}, "no step -1"),
        ("p.png", {"step": "all"}, "one picture cannot show all steps"),
        ("p.png", {"step": "middle"}, "is not a number"),
        ("p.png", {"pass_": 1}, "no pass 1; the program made 1"),
        ("p.png", {"pass_": -1}, "no pass -1"),
        ("p.gif", {"pass_": 0, "step": 7}, "no step 7; pass 0 has 6"),
        ("p.png", {"theme": "pink"}, "no theme 'pink'"),
        ("p.png", {"scale": 0}, "scale 0 is not"),
        ("p.png", {"scale": float("nan")}, "scale nan is not"),
    ],
)
def test_refused_in_one_line(tmp_path: Path, name: str, how: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)) as refusal:
        export_picture(traces.first(), tmp_path / name, **how)
    assert "\n" not in str(refusal.value)
    assert not list(tmp_path.iterdir())


def test_what_was_there_stays_when_drawing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "p.png"
    path.write_bytes(b"before")
    monkeypatch.setattr(still, "png", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export_picture(traces.first(), path)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_needs_neither_tkinter_nor_torch_nor_pyplot() -> None:
    unwanted = "{'tkinter', 'torch', 'matplotlib.pyplot', 'customtkinter'}"
    code = f"import sys, gui.export.writing; print(*{unwanted} & set(sys.modules))"
    root = Path(__file__).parents[2]
    assert subprocess.check_output([sys.executable, "-c", code], cwd=root, text=True).strip() == ""


# ── What stands beside it ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_program_and_what_is_said_stand_beside_the_picture(tmp_path: Path) -> None:
    how: dict[str, Any] = {"step": 10, "code": True, "inspector": True, "caption": "The power rule, $x$"}
    export_picture(traces.first(), tmp_path / "p.svg", **how)
    text = " ".join(texts(tmp_path / "p.svg"))
    assert "The power rule, $x$" in text
    assert "ARRIVES (V)" in text.upper()
    assert "requires_grad" in text
    with_all = picture(traces.first(), tmp_path, **how)
    levels = np.asarray(with_all, int)
    ink = (levels != levels[0, 0]).any(axis=2)
    rows, columns = np.nonzero(ink.any(axis=1))[0], np.nonzero(ink.any(axis=0))[0]
    for empty in (rows[0], len(ink) - 1 - rows[-1], columns[0], ink.shape[1] - 1 - columns[-1]):
        assert empty >= page.MARGIN


def test_panels_do_not_move_in_an_animation(tmp_path: Path) -> None:
    export_picture(traces.first(), tmp_path / "p.webp", code=True, inspector=True, scale=1, pass_=0)
    with Image.open(tmp_path / "p.webp") as moving:
        assert moving.n_frames == 7
        first, last = (frame_at(moving, number) for number in (0, 6))
    line = list(bytes.fromhex(LIGHT["line"][1:]))
    frames = [np.nonzero((abs(frame - line) < 4).all(axis=2).any(axis=1))[0][0] for frame in (first, last)]
    assert frames[0] == frames[1]


def frame_at(moving: Image.Image, number: int) -> np.ndarray:
    moving.seek(number)
    return np.asarray(moving.convert("RGB"), int)


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_a_transparent_picture_has_no_ground(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"p.{kind}"
    export_picture(traces.first(), path, transparent=True)
    if kind == "png":
        with Image.open(path) as image:
            alpha = np.asarray(image.convert("RGBA"))[:, :, 3]
        assert alpha[0, 0] == 0
        assert alpha.max() == 255
        export_picture(traces.first(), tmp_path / "solid.png")
        with Image.open(path) as clear, Image.open(tmp_path / "solid.png") as solid:
            ground = Image.new("RGBA", clear.size, LIGHT["canvas"])
            ground.alpha_composite(clear)
            assert differing(ground.convert("RGB"), solid.convert("RGB")) < 0.001
    elif kind == "svg":
        before = path.read_text("utf-8")
        export_picture(traces.first(), path)
        assert len(before) < len(path.read_text("utf-8"))
        assert f"fill: {LIGHT['canvas'].lower()}" not in before
    else:
        assert b"/MediaBox" in path.read_bytes()


def test_a_part_shows_its_cards_and_what_joins_them(tmp_path: Path) -> None:
    trace = traces.first()
    graph = Picture(trace, Playback.of(trace).index).graph
    cards = {card.title: card.id for card in graph.cards}
    wanted = frozenset({cards["a"], cards["a**3"]})
    export_picture(trace, tmp_path / "p.svg", cards=wanted)
    said = texts(tmp_path / "p.svg")
    assert {"a", "a**3", "[36, 81]"} <= set(said)
    assert not {"b", "Q", "3*a**3"} & set(said)
    assert any("2 of 6 cards" in text for text in said)
    whole, part = picture(trace, tmp_path, scale=1), picture(trace, tmp_path, scale=1, cards=wanted)
    assert part.width < whole.width
