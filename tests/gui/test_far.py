"""What can be told of a picture of which a part is seen, or that is seen from far out."""

from __future__ import annotations

import tkinter as tk

import numpy as np
import pytest

from core.layout import Direction
from core.playback import Playback
from core.records import Trace
from gui.canvas.canvas import GraphCanvas
from gui.i18n import words
from gui.picture import drawing
from gui.picture.groups import Folding
from gui.picture.scene import Boxes, Label, Picture, Scene
from gui.picture.shapes import inside, label_rect, overlap
from tests.gui import traces
from tests.gui.conftest import Window
from tests.gui.test_canvas import opened
from tests.gui.test_groups import layers, loop


def texts(canvas: GraphCanvas, beginning: str) -> list[tuple[float, float, str]]:
    """Where on the canvas texts are that begin so: their left sides and their middles."""
    found = []
    for item in canvas.find_withtag("picture"):
        text = canvas.itemcget(item, "text")
        if canvas.itemcget(item, "state") != "hidden" and text.startswith(beginning):
            x, y = canvas.coords(item)
            found.append((x, y, text))
    return found


def drawn(trace: Trace, scale: float, direction: Direction = "right", depth: int = 9) -> tuple[Picture, Scene]:
    playback = Playback.of(trace, len(trace.events) - 1)
    picture = Picture(trace, playback.index, Folding(depth=depth), direction=direction)
    left, top, right, bottom = picture.bounds
    view = (left, top - 40 / scale, right, bottom)
    return picture, picture.scene(playback, words("en"), view=view, scale=scale, on_screen=True)


# ── A thin picture ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("direction", ["right", "down"])
def test_a_long_chain_is_seen_when_all_of_it_is(direction: Direction) -> None:
    scale = 0.001
    _, scene = drawn(traces.chain(900), scale, direction)
    sides = {
        shape.fill: (shape.rects[:, 2:] - shape.rects[:, :2]) * scale
        for shape in scene.shapes if isinstance(shape, Boxes) and len(shape.rects)
    }  # fmt: skip
    across = 1 if direction == "right" else 0
    assert sides["far"][:, across].min() > 3
    assert sides["far"].min() >= 1
    assert sides["accent"].min() > 3  # the current card
    assert sides["accent"][:, across].min() > sides["far"][:, across].max()


def test_a_picture_that_is_not_thin_is_not_smeared() -> None:
    picture, scene = drawn(loop(3), 0.1)
    rects = np.vstack([shape.rects for shape in scene.shapes if isinstance(shape, Boxes) and shape.fill != "accent"])
    assert len(rects) > 6
    assert set(map(tuple, rects.tolist())) <= set(map(tuple, picture.rects.tolist()))


def test_the_window_shows_a_chain_that_is_fitted(window: Window) -> None:
    canvas = opened(window, traces.chain(2000))
    window.key("<End>")
    window.key("<Control-Key-0>")
    assert canvas.view.zoom < 0.01
    assert canvas._photo is not None
    middle = int(canvas.view.pixel(0, float(canvas.picture.rects[:, 1::2].mean()))[1])  # type: ignore[union-attr]
    ground = canvas._photo._PhotoImage__photo.get(5, 5)  # type: ignore[attr-defined]
    for x in (200, 300):
        column = [canvas._photo._PhotoImage__photo.get(x, y) for y in range(middle - 8, middle + 8)]  # type: ignore[attr-defined]
        assert sum(max(abs(a - b) for a, b in zip(pixel, ground, strict=True)) > 40 for pixel in column) >= 3


# ── The note on folding ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("scale", [0.05, 0.3, 0.41, 0.6, 1.0, 2.0])
def test_the_note_on_folding_can_be_read_at_every_scale(scale: float) -> None:
    picture, scene = drawn(loop(40), scale, depth=0)
    (note,) = [label for label in scene.labels if label.text == picture.note(words("en"))]
    assert note.size * min(1.0, scale) == pytest.approx(12, rel=0.06)
    assert note.size == pytest.approx(12) or scale < 1
    # It stands above everything, as far from it as near by.
    assert not inside(picture.rects, label_rect(note)).any()
    assert (picture.rects[:, 1].min() - note.y) * min(1.0, scale) < 40


def test_a_fitted_picture_says_what_is_folded(window: Window) -> None:
    canvas = opened(window, loop(40))
    window.key("<End>")
    canvas._zoom_by(0.3)
    window.settle()
    assert canvas.picture is not None
    ((x, y, _),) = texts(canvas, canvas.picture.note(words("en")))
    assert 0 <= x < canvas.view.width
    assert 0 < y < canvas.view.height


# ── Names of open groups ──────────────────────────────────────────────────────────────────────────────────────────


def names(scene: Scene) -> list[Label]:
    return [label for label in scene.labels if label.text.startswith("▾")]


def test_a_frame_whose_corner_is_out_of_sight_keeps_its_name_in_sight(window: Window) -> None:
    canvas = opened(window, loop(4))
    window.key("<End>")
    assert canvas.picture is not None
    assert canvas.picture.frames
    canvas._zoom_by(2 / canvas.view.zoom)
    outer = next(iter(canvas.picture.frames))
    left, top, right, _ = canvas.picture.frames[outer]
    title = f"▾ {canvas.picture.groups[outer].name}"
    for x, y in ((left - 30, top - 30), (left + 200, top - 30), (left - 30, top + 60), (left + 200, top + 60)):
        canvas.view.x, canvas.view.y = x, y
        canvas.redraw()
        window.settle()
        ((at, middle, _),) = texts(canvas, title)
        assert at == pytest.approx(max((left - x + 12) * 2, 16), abs=3)
        assert middle == pytest.approx((top - y + 20) * 2 if y < top else 8 + 24, abs=3)
    # With the frame it goes.
    canvas.view.x, canvas.view.y = right + 10, top
    canvas.redraw()
    window.settle()
    assert not texts(canvas, title)


def test_a_click_on_a_name_held_in_sight_folds_its_group(window: Window) -> None:
    canvas = opened(window, loop(4))
    window.key("<End>")
    picture = canvas.picture
    assert picture is not None
    outer = next(iter(picture.frames))
    left, top, _, _ = picture.frames[outer]
    canvas._zoom_by(2 / canvas.view.zoom)
    canvas.view.x, canvas.view.y = left + 100, top + 60
    canvas.redraw()
    window.settle()
    ((x, y, _),) = texts(canvas, f"▾ {picture.groups[outer].name}")
    window.click(x + 10, y)
    assert canvas.picture is not None
    assert outer in canvas.picture.folded


def test_names_held_at_one_edge_stand_beside_each_other_and_above_all_else() -> None:
    playback = Playback.of(layers(4)).end()
    picture = Picture(layers(4), playback.index, Folding(depth=9))
    inner = max(picture.frames, key=lambda group: group.count("/"))
    assert inner.count("/")
    left, top, right, bottom = picture.frames[inner]
    seen = (left + 20, (top + bottom) / 2, right + 300, bottom + 300)
    scene = picture.scene(playback, words("en"), view=seen, on_screen=True)
    held = [label for label in names(scene) if label.y < seen[1] + 60]
    assert len(held) >= 2
    for number, label in enumerate(held):
        mine = label_rect(label)
        assert seen[0] < mine[0]
        assert seen[1] < mine[1]
        others = [*held[:number], *(other for other in scene.labels if other not in held)]
        assert not [other.text for other in others if overlap(label_rect(other), mine)]


def test_no_name_is_held_under_the_buttons(window: Window) -> None:
    tk.Tk.geometry(window.app, "1024x600+0+0")
    window.wait_until(lambda: window.app.winfo_width() == 1024)
    canvas = opened(window, layers(4))
    window.key("<End>")
    canvas._arrange(window.app.session.playback, Folding(depth=9), None)  # type: ignore[arg-type]
    window.settle()
    picture = canvas.picture
    assert picture is not None
    row, found = canvas._row, 0
    for group, (left, top, _, bottom) in picture.frames.items():
        for share in (0.3, 0.6, 0.9):
            canvas.view.x, canvas.view.y = left - share * canvas.view.width / canvas.view.scale, (top + bottom) / 2
            canvas.redraw()
            window.settle()
            for item in canvas.find_withtag("picture"):
                x0, y0, x1, y1 = canvas.bbox(item) if canvas.itemcget(item, "state") != "hidden" else (0, 0, 0, 0)
                if canvas.itemcget(item, "text").startswith("▾") and y0 < y1 < 80:
                    found += 1
                    under = (row.winfo_x(), row.winfo_y(), row.winfo_x() + row.winfo_width(), 40)
                    assert not overlap((x0, y0, x1, y1), under), group
    assert found > 5


def test_in_a_file_names_keep_their_places() -> None:
    picture, _ = drawn(loop(4), 1.0)
    playback = Playback.of(loop(4)).end()
    left, top, right, bottom = picture.bounds
    scene = picture.scene(playback, words("en"), view=((left + right) / 2, (top + bottom) / 2, right, bottom))
    corners = {(frame[0] + 12, frame[1] + 20) for frame in picture.frames.values()}
    assert {(label.x, label.y) for label in names(scene)} <= corners


@pytest.mark.parametrize("scale", [0.33, 0.38])
def test_far_out_open_groups_have_names_where_there_is_room(scale: float) -> None:
    picture, scene = drawn(loop(4), scale)
    found = names(scene)
    assert found
    for label in found:
        assert label.size * scale == pytest.approx(drawing.FAR_TEXT, rel=0.06)
        left, _, right, _ = label_rect(label)
        rect = (left, label.y - label.size / 2, right, label.y + label.size / 2)
        around = [frame for frame in picture.frames.values() if overlap(frame, rect)]
        assert any(frame[0] <= rect[0] and rect[2] <= frame[2] for frame in around)
        assert not inside(picture.rects, rect).any()
        assert not [other.text for other in scene.labels if other is not label and overlap(label_rect(other), rect)]
    assert not names(drawn(loop(4), 0.02)[1])
