"""The picture in both directions: from left to right, and from top to bottom."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

from core.layout import Direction
from core.playback import Playback
from core.records import Event, Op, Trace, Value
from gui.canvas.minimap import SIDES
from gui.i18n import words
from gui.picture import cards
from gui.picture.drawing import CHIP, own_places, standing_shares
from gui.picture.groups import Folding
from gui.picture.scene import Box, Hit, Picture
from gui.picture.shapes import Rect, overlap, sample
from gui.settings import Settings, load, save
from tests.gui import traces
from tests.gui.conftest import Window, entry_of
from tests.gui.exports import export_picture
from tests.gui.test_groups import loop

both = pytest.mark.parametrize("direction", ["right", "down"])


def wide_fan() -> Trace:
    """y = x·x with contributions wider than the lines stand apart."""
    trace = traces.fan()
    part = traces.tensor(1.25, 2.25, 3.25)
    steps = (msgspec.structs.replace(trace.passes[0].steps[0], grad_inputs=(part, part)), trace.passes[0].steps[1])
    return msgspec.structs.replace(trace, passes=(msgspec.structs.replace(trace.passes[0], steps=steps),))


def used_root() -> Trace:
    """Q = 3a³ − b², whose root is used once more after the pass."""
    trace = traces.first()
    value = Value(7, ("R",), (2,), "float32", True, False, traces.tensor(-24, 130))
    op = Op(7, "mul", 8, (8, 0, 8, 5), "2 * Q", (5,), (7,), site="mul#7", tracked=True)
    return msgspec.structs.replace(
        trace, values=(*trace.values, value), ops=(*trace.ops, op), events=(*trace.events, Event("op", op=7, line=8))
    )


def pictured(trace: Trace, direction: Direction) -> tuple[Picture, Playback]:
    playback = Playback.of(trace).end()
    return Picture(trace, playback.index, direction=direction), playback


def chips(picture: Picture, playback: Playback) -> list[Rect]:
    """Where contributions and marks of cuts lie."""
    shapes = picture.scene(playback, words("en")).shapes
    found = [box for box in shapes if isinstance(box, Box) and box.radius == CHIP / 2]
    return [(box.x, box.y, box.x + box.width, box.y + box.height) for box in found]


def rects(picture: Picture) -> list[Rect]:
    return [tuple(map(float, row)) for row in picture.rects]  # type: ignore[misc]


def test_forward_reads_down_and_gradients_come_up() -> None:
    picture, playback = pictured(traces.first(), "down")
    for wire in picture.graph.wires:
        source, target = picture.rect(wire.source), picture.rect(wire.target)
        route = picture.route(wire.id)
        assert source[3] < target[1]
        assert route[0][1] == pytest.approx(source[3])
        assert route[-1][1] == pytest.approx(target[1])
        assert source[0] < route[0][0] < source[2]
        assert target[0] < route[-1][0] < target[2]
        assert picture.hit(*map(float, sample(route)[12]), playback, 3) == Hit("wire", wire=wire.id)
    travelling = [
        next(label for label in picture.scene(playback.at(9), words("en"), motion=share).labels
             if label.text == "[-1, -1]" and label.anchor == "c").y
        for share in (0.1, 0.5, 0.9)
    ]  # fmt: skip
    assert travelling == sorted(travelling, reverse=True)


@both
@pytest.mark.parametrize(
    ("trace", "count"),
    [(traces.first(), 5), (traces.first(cut=True), 4), (traces.fan(), 2), (wide_fan(), 2), (used_root(), 5)],
)
def test_what_lies_on_lines_covers_nothing(trace: Trace, count: int, direction: Direction) -> None:
    picture, playback = pictured(trace, direction)
    found = chips(picture, playback)
    assert len(found) == count
    for chip, other in combinations(found, 2):
        assert not overlap(chip, other)
    for chip in found:
        assert not any(overlap(chip, rect) for rect in rects(picture))


def test_what_lies_on_a_line_keeps_clear_of_other_lines_and_of_the_head() -> None:
    line = ((0.0, 0.0), (0.0, 80.0), (0.0, 160.0), (0.0, 240.0))
    free = standing_shares(line, [], 90.0, 0, 1)
    assert free[0] == 0.5
    short = ((0.0, 0.0), (0.0, 30.0), (0.0, 60.0), (0.0, 90.0))
    assert set(standing_shares(short, [], 90.0, 0, 1)[-6:]) == {0.1, 0.18, 0.26, 0.74, 0.82, 0.9}
    beside = ((30.0, 80.0), (30.0, 110.0), (30.0, 140.0), (30.0, 160.0))
    assert abs(standing_shares(line, [beside], 90.0, 0, 1)[0] * 240 - 120) > 40 + CHIP / 2
    assert standing_shares(line, [beside], 50.0, 0, 1)[0] == 0.5
    assert [standing_shares(line, [], 90.0, number, 3)[0] for number in range(3)] == [0.25, 0.5, 0.75]


@both
def test_the_seed_hangs_below_its_root_unless_lines_leave_there(direction: Direction) -> None:
    picture, playback = pictured(traces.first(), direction)
    left, _, right, bottom = picture.rect(5)
    assert picture.hit((left + right) / 2, bottom + 50, playback) == Hit("seed", card=5, seed=picture.seeds[0])
    picture, playback = pictured(used_root(), direction)
    left, top, right, bottom = picture.rect(5)
    x, y = (right + 50, (top + bottom) / 2) if direction == "down" else ((left + right) / 2, bottom + 50)
    assert picture.hit(x, y, playback) == Hit("seed", card=5, seed=picture.seeds[0])
    for strand in picture.strands:
        for x, y in sample(strand.route):
            hit = picture.hit(float(x), float(y), playback)
            assert hit is None or hit.kind != "seed"


@both
def test_groups_fold_and_unfold(direction: Direction) -> None:
    trace = loop(30)
    playback = Playback.of(trace).end()
    folded = Picture(trace, playback.index, Folding(depth=0), direction=direction)
    (group,) = [unit.group for unit in folded.units if unit.group]
    number = next(n for n, unit in enumerate(folded.units) if unit.group)
    # Lines end at the edge of the pile and not beneath it.
    left, top, right, bottom = rects(folded)[number]
    shapes = folded.scene(playback, words("en")).shapes
    sheets = [box for box in shapes if isinstance(box, Box) and box.x > left and box.height == bottom - top]
    assert len(sheets) == 2
    for strand in folded.strands:
        (x0, y0), (x1, y1) = strand.route[0], strand.route[-1]
        if strand.source == number:
            edge = max(box.x + box.width for box in sheets) if direction == "right" else bottom
            assert (x0 if direction == "right" else y0) == pytest.approx(edge)
        if strand.target == number:
            edge = left if direction == "right" else min(box.y for box in sheets)
            assert (x1 if direction == "right" else y1) == pytest.approx(edge)
    opened = Picture(trace, playback.index, folded.folding.toggled(group), folded, direction=direction)
    left, top, _, _ = opened.frames[group]
    assert opened.hit(left + 20, top + 20, playback) == Hit("fold", group=group)
    for unit, (x0, y0, x1, y1) in zip(opened.units, rects(opened), strict=True):
        if unit.around:
            left, top, right, bottom = opened.frames[unit.around]
            assert left < x0 < x1 < right
            assert top + 30 < y0 < y1 < bottom


def test_a_name_that_lines_cross_stays_legible() -> None:
    trace = loop(2)
    playback = Playback.of(trace).end()
    picture = Picture(trace, playback.index, Folding(depth=9), direction="down")
    scene = picture.scene(playback, words("en"))
    for group, (left, top, _, _) in picture.frames.items():
        title = next(label for label in scene.labels if (label.x, label.y) == (left + 12, top + 20))
        assert title.text.startswith("▾"), group
        ground = max(
            number for number, shape in enumerate(scene.shapes)
            if isinstance(shape, Box) and shape.x < title.x and shape.y < title.y < shape.y + shape.height < top + 40
        )  # fmt: skip
        lines = [n for n, shape in enumerate(scene.shapes) if type(shape).__name__ == "Curve" and shape.arrow]  # type: ignore[union-attr]
        assert ground > max(lines[: len(picture.strands)])


def test_nothing_stays_in_place_when_the_direction_changes() -> None:
    trace = loop(5)
    index = Playback.of(trace).index
    right = Picture(trace, index)
    down = Picture(trace, index, previous=right, direction="down")
    assert np.array_equal(down.rects, Picture(trace, index, direction="down").rects)
    again = Picture(trace, index, previous=down, direction="right")
    assert np.array_equal(again.rects, right.rects)


@both
@pytest.mark.parametrize(
    ("trace", "after"),
    [
        (traces.first(), traces.first(cut=True)),
        (used_root(), traces.first()),
        (loop(4), loop(4)),
        (loop(4), loop(5)),
        (loop(9), loop(10)),
    ],
)
def test_what_did_not_change_stays_where_it_was_in_the_next_run(
    trace: Trace, after: Trace, direction: Direction
) -> None:
    one, _ = pictured(trace, direction)
    other = Picture(after, Playback.of(after).index, previous=one, direction=direction)
    names = (cards.identities(one.graph, trace), cards.identities(other.graph, after))
    common = [name for name in names[0] if name in names[1] and name[0] != ("sum", "sum", None)]  # type: ignore[index]
    assert len(common) >= 6
    for name in common:
        before, now = (picture.rect(found.index(name)) for picture, found in zip((one, other), names, strict=True))
        assert now == pytest.approx(before)


# ── The window ────────────────────────────────────────────────────────────────────────────────────────────────────


def choose(window: Window, text: str) -> None:
    """Opens the window's menu by its button, and presses an entry of it or of a menu behind it."""
    app = window.app
    app.menu.tk_popup = lambda x, y: None  # type: ignore[method-assign,assignment,misc]
    app.buttons["menu"].invoke()
    menu, number = next(
        (menu, n) for menu in (app.menu, *app.menu._children) for n in range((menu.index("end") or 0) + 1)
        if menu.type(n) == "command" and menu.entrycget(n, "label").strip(" ✓") == text
    )  # fmt: skip
    menu.invoke(number)
    window.settle()


def test_the_menu_turns_the_picture_at_once_and_for_later_starts(window: Window, tmp_path: Path) -> None:
    app, canvas = window.app, window.app.canvas
    app._kept = tmp_path / "settings.json"
    window.key("<F5>")
    window.key("<End>")
    canvas.event_generate("<Control-Button-4>", x=50, y=50)
    canvas.event_generate("<Button-5>", x=50, y=50)
    window.settle()
    assert not canvas.view.fitted
    choose(window, "Top to bottom")
    assert canvas.picture is not None
    left, top, right, bottom = canvas.picture.bounds
    assert canvas.picture.direction == "down"
    assert bottom - top > right - left
    # All of it is seen, in the middle.
    assert canvas.view.fitted
    assert canvas.view.y < top < bottom < canvas.view.rect[3]
    assert canvas.view.x + canvas.view.rect[2] == pytest.approx(left + right)
    assert load(app._kept).direction == "down"
    assert entry_of(app.menus.main(), "Top to bottom").chosen
    # Another run stays so, and the way back is the same.
    window.key("<F5>")
    assert canvas.picture.direction == "down"
    window.click(*window.on_wire("b**2", "Q"))
    assert window.worker.jobs[-1].what_if.cuts
    choose(window, "Top to bottom")
    assert canvas.picture.direction == "right"
    assert load(app._kept) == Settings("en", "light", 100, "off")


def test_the_direction_may_change_before_anything_runs(window: Window) -> None:
    choose(window, "Top to bottom")
    assert window.app.canvas.picture is None
    window.key("<F5>")
    assert window.app.canvas.picture is not None
    assert window.app.canvas.picture.direction == "down"


def test_the_direction_may_change_while_a_large_picture_is_made(window: Window) -> None:
    app = window.app
    app.session.open_trace(traces.chain(900))
    window.settle()
    choose(window, "Top to bottom")
    window.wait_until(lambda: app.canvas.picture is not None and not app.canvas.arranging)
    assert app.canvas.picture is not None
    assert app.canvas.picture.direction == "down"


def test_what_is_folded_stays_so_and_the_map_stands_upright(window: Window) -> None:
    app = window.app
    app.session.open_trace(loop(60))
    window.key("<End>")
    picture = app.canvas.picture
    assert picture is not None
    app.canvas.fold(next(unit.group for unit in picture.units if unit.group))
    window.settle()
    picture = app.canvas.picture
    folded = picture.folded
    choose(window, "Top to bottom")
    picture = app.canvas.picture
    assert picture is not None
    assert picture.folded == folded
    app.canvas._arrange(app.session.playback, Folding(depth=9), None)  # type: ignore[arg-type]
    window.settle()
    app.update()
    assert app.canvas.minimap.winfo_ismapped()
    width, height = app.canvas.minimap.winfo_width(), app.canvas.minimap.winfo_height()
    assert width < height == pytest.approx(SIDES["down"][0][1], abs=4)


def test_the_exported_picture_follows_the_window(window: Window, tmp_path: Path) -> None:
    window.key("<F5>")
    window.key("<End>")
    for name, wanted in (("right", "right"), ("down", "down")):
        if name == "down":
            choose(window, "Top to bottom")
        window.app.exports.to(tmp_path / f"{name}.png")
        window.wait_until((tmp_path / f"{name}.png").exists)
        export_picture(traces.first(), tmp_path / "wanted.png", direction=wanted)  # type: ignore[arg-type]
        assert (tmp_path / f"{name}.png").read_bytes() == (tmp_path / "wanted.png").read_bytes()


def test_the_keyboard_reaches_every_card(window: Window) -> None:
    choose(window, "Top to bottom")
    window.key("<F5>")
    window.key("<End>")
    seen = set()
    for _ in range(8):
        window.key("<Down>", window.app.canvas)
        seen.add(window.app.selected)
    assert len(seen) == 6


# ── Files and settings ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_runs_down(tmp_path: Path) -> None:
    sizes = {}
    for direction in ("right", "down"):
        export_picture(traces.chain(9), tmp_path / "p.png", direction=direction, scale=1)  # type: ignore[arg-type]
        with Image.open(tmp_path / "p.png") as image:
            sizes[direction] = image.size
    assert sizes["right"][0] > 2 * sizes["right"][1]
    assert sizes["down"][1] > 2 * sizes["down"][0]
    with pytest.raises(ValueError, match="no direction 'up'"):
        export_picture(traces.fan(), tmp_path / "q.png", direction="up")  # type: ignore[arg-type]
    assert not (tmp_path / "q.png").exists()


def test_only_a_direction_that_there_is_is_remembered(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    save(Settings(direction="down"), file)
    assert load(file) == Settings(direction="down")
    file.write_text('{"direction": "up", "theme": "dark"}')
    assert load(file) == Settings(theme="dark")


def test_what_lies_on_a_line_stands_on_a_part_that_is_its_own() -> None:
    line = ((0.0, 0.0), (80.0, 0.0), (160.0, 0.0), (240.0, 0.0))
    assert own_places(line, (0.2, 0.5, 0.8), (0.0, 0.0), 30.0, []) == [True, True, True]
    trunk = ((0.0, 0.0), (40.0, 0.0), (80.0, 0.0), (160.0, 0.0), (180.0, 30.0), (180.0, 60.0), (180.0, 90.0))
    assert own_places(line, (0.2, 0.5, 0.9), (0.0, 0.0), 30.0, [trunk]) == [False, False, True]
    ends_beside = ((120.0, 90.0), (120.0, 60.0), (120.0, 40.0), (120.0, 20.0))
    assert own_places(line, (0.2, 0.5, 0.8), (0.0, 0.0), 30.0, [ends_beside]) == [True, False, True]
    assert own_places(line, (0.2, 0.5, 0.8), (0.0, 0.0), 130.0, [ends_beside]) == [False, False, False]
