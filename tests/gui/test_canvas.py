"""What the mouse and the keys do on the picture, and how the window fits its screen."""

from __future__ import annotations

import threading
import time
import tkinter as tk
import tkinter.font as tkfont
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import pytest

from core import wire
from core.layout import Cancelled
from core.playback import Playback
from core.records import Cut, Failure, Trace
from gui import context
from gui.app import App
from gui.canvas import background, minimap, motion
from gui.canvas.canvas import GraphCanvas, beneath_legend, percentage
from gui.canvas.labels import Labels
from gui.canvas.motion import Motion
from gui.canvas.view import View
from gui.i18n import words
from gui.picture.cards import Card
from gui.picture.scene import READABLE, Box, Hit, Label, Picture, Scene, legend, text_width
from gui.picture.shapes import overlap
from gui.settings import Settings, load, save
from gui.theme import LIGHT, Look
from gui.widgets.button import Button
from gui.widgets.menu import Entry
from tests.gui import traces
from tests.gui.conftest import FakeWorker, Window, entry_of
from tests.gui.test_groups import loop


def titled(window: Window, title: str) -> Card:
    picture = window.app.canvas.picture
    assert picture is not None
    return next(card for card in picture.graph.cards if card.title == title)


def middle(window: Window, card: Card) -> tuple[int, int]:
    """The pixel in the middle of a card."""
    picture = window.app.canvas.picture
    assert picture is not None
    left, top, right, bottom = picture.rect(card.id)
    x, y = window.on_screen((left + right) / 2, (top + bottom) / 2)
    return int(x), int(y)


def named(entries: list[Entry], text: str) -> Entry:
    return next(entry for entry in entries if entry.text == text)


# ── The pointer ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_resting_on_a_card_tells_its_value_in_full(window: Window) -> None:
    canvas = window.app.canvas
    window.key("<F5>")
    window.key("<End>")
    x, y = middle(window, titled(window, "a**3"))
    canvas.event_generate("<Motion>", x=x, y=y)
    assert canvas._hit is not None
    assert canvas.cget("cursor") == "hand2"
    window.wait_until(canvas.tip.winfo_ismapped)
    assert canvas.tip.heading.cget("text") == "a**3"
    assert "[8, 27]" in canvas.tip.body.cget("text")
    assert "v  [3, 3]" in canvas.tip.body.cget("text")
    canvas.event_generate("<Motion>", x=3, y=canvas.view.height - 60)
    assert canvas._hit is None
    assert not canvas.tip.winfo_manager()


def test_resting_on_a_folded_group_tells_its_name_its_size_and_how_to_unfold_it(window: Window) -> None:
    canvas = opened(window, loop(120))
    window.key("<End>")
    window.key("<Control-Key-0>")
    picture, playback = canvas.picture, window.app.session.playback
    assert picture is not None
    assert playback is not None
    group = next(picture.groups[unit.group] for unit in picture.units if unit.group)
    left, top, right, bottom = picture.rect(group.first_card)
    x, y = window.on_screen((left + right) / 2, (top + bottom) / 2)
    canvas.event_generate("<Motion>", x=int(x), y=int(y))
    window.wait_until(canvas.tip.winfo_ismapped)
    assert canvas.tip.heading.cget("text") == group.name
    size, click = canvas.tip.body.cget("text").splitlines()
    assert size == f"{picture.operations(group.id)} operations"
    assert "unfold" in click
    # It lights all that the group is joined with, not only what its first card is.
    ends = {(wire.source, wire.target) for wire in picture.graph.wires}
    inside = {card for card in range(len(picture.graph.cards)) if picture.group_of(card) == group.id}
    related = picture.related(group.first_card)
    assert inside
    assert related.ancestors == {a for a, b in ends if b in inside and a not in inside}
    assert related.descendants == {b for a, b in ends if a in inside and b not in inside}


def test_a_value_that_is_not_there_yet_is_not_told(window: Window) -> None:
    window.key("<space>")
    playback = window.app.session.playback
    assert playback is not None
    assert [one.value for one in context.told(playback, titled(window, "Q"))] == [None]
    assert [one.gradient for one in context.told(playback, titled(window, "a"))] == [None]


def test_a_double_click_runs_to_the_card_and_again_to_its_next_moment(window: Window) -> None:
    window.key("<F5>")
    session = window.app.session
    x, y = middle(window, titled(window, "a**3"))
    for expected in (13, 13):  # of a**3 only the step in the backward pass is still to come
        window.click(x, y)
        window.click(x, y)
        window.click(3, 3)
        assert session.playback is not None
        assert session.playback.cursor == expected
    assert session.playback.node is not None
    session.seek(3)
    window.settle()
    assert context.moment_of(session.playback, titled(window, "a**3")) == 13
    session.home()
    assert context.moment_of(session.playback, titled(window, "a**3")) == 3


@pytest.mark.parametrize("button", [1, 2])
def test_a_drag_moves_the_picture_and_clicks_nothing(window: Window, button: int) -> None:
    window.key("<F5>")
    canvas = window.app.canvas
    x, y = middle(window, titled(window, "a"))
    before, fixed = canvas.view.x, canvas.view.point(x, y)
    canvas.event_generate(f"<ButtonPress-{button}>", x=x, y=y)
    canvas.event_generate(f"<B{button}-Motion>", x=x + 60, y=y + 20)
    assert canvas.cget("cursor") == "fleur"
    assert canvas.view.point(x + 60, y + 20) == pytest.approx(fixed)
    canvas.event_generate(f"<ButtonRelease-{button}>", x=x + 60, y=canvas.view.height - 50)
    window.settle()
    assert canvas.view.x == pytest.approx(before - 60 / canvas.view.scale)
    assert window.app.selected is None
    assert canvas.cget("cursor") == ""
    canvas.event_generate("<Motion>", x=x + 60, y=y + 20)
    assert canvas._hit is not None  # what lies under the pointer is lit again
    window.key("<Control-Key-0>")
    assert canvas.view.fitted


def test_a_click_of_the_middle_button_does_nothing(window: Window) -> None:
    window.key("<F5>")
    canvas = window.app.canvas
    x, y = middle(window, titled(window, "a"))
    canvas.event_generate("<ButtonPress-2>", x=x, y=y)
    canvas.event_generate("<ButtonRelease-2>", x=x, y=y)
    window.settle()
    assert window.app.selected is None


@pytest.mark.parametrize(
    ("event", "how", "dx", "dy"),
    [
        ("<Button-4>", {}, 0, -60), ("<Button-5>", {}, 0, 60),
        ("<Button-4>", {"state": 1}, -60, 0), ("<Button-5>", {"state": 1}, 60, 0),
        ("<Button>", {"button": 6}, -60, 0), ("<Button>", {"button": 7}, 60, 0),
        ("<MouseWheel>", {"delta": 120}, 0, -60), ("<MouseWheel>", {"delta": -30}, 0, 15),
        ("<MouseWheel>", {"delta": 120, "state": 1}, -60, 0),
    ],
)  # fmt: skip
def test_wheels_and_two_fingers_pan(window: Window, event: str, how: dict[str, int], dx: int, dy: int) -> None:
    window.key("<F5>")
    view = window.app.canvas.view
    x, y = view.x, view.y
    window.app.canvas.event_generate(event, x=200, y=200, **how)
    assert (view.x, view.y) == pytest.approx((x + dx / view.scale, y + dy / view.scale))


@pytest.mark.parametrize(
    ("event", "how", "factor"),
    [
        ("<Button-4>", {}, 1.15), ("<Button-5>", {}, 1 / 1.15),
        ("<MouseWheel>", {"delta": 120}, 1.15), ("<MouseWheel>", {"delta": -240}, 1.15**-2),
        ("<MouseWheel>", {"delta": 12}, 1.15**0.1),
    ],
)  # fmt: skip
def test_with_control_the_wheel_zooms_at_the_pointer(
    window: Window, event: str, how: dict[str, int], factor: float
) -> None:
    window.key("<F5>")
    view = window.app.canvas.view
    fixed, zoom = view.point(200, 150), view.zoom
    window.app.canvas.event_generate(event, x=200, y=150, state=4, **how)
    assert view.zoom == pytest.approx(zoom * factor)
    assert view.point(200, 150) == pytest.approx(fixed)


# ── Opening ───────────────────────────────────────────────────────────────────────────────────────────────────────


def seen(window: Window, card: int) -> bool:
    """Whether all of a card is in sight."""
    picture = window.app.canvas.picture
    assert picture is not None
    left, top, right, bottom = picture.rect(card)
    x0, y0, x1, y1 = window.app.canvas.view.rect
    return x0 <= left and y0 <= top and right <= x1 and bottom <= y1


def opened(window: Window, trace: Trace) -> GraphCanvas:
    canvas = window.app.canvas
    window.app.session.open_trace(trace)
    window.settle()
    window.wait_until(lambda: canvas.picture is not None and not canvas.arranging)
    return canvas


def test_a_large_picture_opens_at_its_beginning_and_is_followed_from_there(window: Window) -> None:
    window.worker.record = lambda job: traces.chain(60)
    canvas, session = window.app.canvas, window.app.session
    window.key("<F5>")
    assert session.playback is not None
    assert session.playback.cursor == 60  # where the backward pass begins, far to the right
    assert canvas.view.zoom == 0.8
    assert seen(window, 0)
    assert not seen(window, 59)
    window.wait_until(canvas.minimap.winfo_ismapped)
    window.key("<F10>")
    assert seen(window, 59)
    window.key("<Control-Key-0>")
    assert seen(window, 0)
    assert seen(window, 59)
    window.wait_until(lambda: not canvas.minimap.winfo_ismapped())


def test_what_went_wrong_is_shown_at_once(window: Window) -> None:
    whole = traces.chain(60)
    trace = msgspec.structs.replace(whole, error=Failure("RuntimeError", "no", 3), events=whole.events[:62])
    window.app.session.open_program(trace.source, "")
    window.worker.record = lambda job: trace
    window.key("<F5>")
    playback, picture = window.app.session.playback, window.app.canvas.picture
    assert playback is not None
    assert playback.at_end
    assert picture is not None
    assert picture.current_card(playback) == 59
    assert seen(window, 59)


def test_the_node_that_failed_is_the_current_card_and_in_sight(window: Window) -> None:
    whole = traces.chain(60)
    error = Failure("RuntimeError", "no", 3, node=(0, 30))
    trace = msgspec.structs.replace(whole, error=error, events=whole.events[:62])
    window.app.session.open_program(trace.source, "")
    window.worker.record = lambda job: trace
    window.key("<F5>")
    playback, picture = window.app.session.playback, window.app.canvas.picture
    assert playback is not None
    assert picture is not None
    failing = picture.graph.card_of_node[0, 30]
    assert picture.current_card(playback) == failing != 59
    assert seen(window, failing)
    window.key("<Left>")
    assert not seen(window, failing)
    window.key("<End>")
    assert seen(window, failing)


def test_a_run_with_a_change_leaves_the_view_where_the_reader_put_it(window: Window) -> None:
    app, view = window.app, window.app.canvas.view
    window.key("<F5>")
    window.key("<End>")
    canvas = app.canvas
    canvas.event_generate("<Button-4>", x=10, y=10, state=4)
    canvas.event_generate("<Button-5>", x=10, y=10)
    window.settle()
    before = (view.x, view.y, view.zoom)
    app.session.toggle_cut(Cut("pow#4", "sub#5", 1))
    window.settle()
    assert len(window.worker.jobs) == 2
    assert (view.x, view.y, view.zoom) == before
    opened(window, traces.fan())  # another program
    assert view.fitted == "opened"
    assert view.sees_all


def test_a_cut_after_fit_does_not_move_the_view_and_a_second_click_undoes_it(window: Window) -> None:
    app, view = window.app, window.app.canvas.view
    window.key("<F5>")
    window.key("<End>")
    window.key("<Control-Key-0>")
    pixel = window.on_wire("b**2", "Q")
    before = (view.x, view.y, view.zoom)
    for cuts in (1, 0):
        window.click(*pixel)
        assert len(app.session.what_if.cuts) == cuts
        assert (view.x, view.y, view.zoom) == before


def test_a_change_after_which_little_is_left_never_leaves_an_empty_canvas(window: Window) -> None:
    app, whole = window.app, traces.chain(60)
    short = msgspec.structs.replace(traces.chain(4), source=whole.source)
    app.session.open_program(whole.source, "")
    window.worker.record = lambda job: short if job.what_if.cuts else whole
    window.key("<F5>")
    window.key("<End>")
    app.canvas.view.centre(*app.canvas.picture.rects[-1][:2])  # type: ignore[union-attr]
    app.session.toggle_cut(Cut("a", "b", 0))
    window.settle()
    assert window.worker.jobs[-1].what_if.cuts
    assert seen(window, 0)


@pytest.mark.parametrize("seed", [2.5, 123.456])
def test_longer_numbers_of_another_seed_are_wholly_in_view_and_can_be_read(window: Window, seed: float) -> None:
    app, view = window.app, window.app.canvas.view
    window.key("<F5>")
    window.key("<End>")
    assert view.sees_all
    picture = app.canvas.picture
    assert picture is not None
    rows = [picture.rect(card.id)[1] for card in picture.graph.cards]
    app.session.set_seed(0, (seed, 1.0))
    window.settle()
    assert window.worker.jobs[-1].what_if.seeds == {0: (seed, 1.0)}
    after = app.canvas.picture
    assert after is not picture
    assert after is not None
    assert [after.rect(card.id)[1] for card in after.graph.cards] == rows
    assert view.sees_all
    assert view.zoom >= READABLE


def test_a_line_that_moves_when_it_is_clicked_stays_under_the_pointer(window: Window) -> None:
    """The card before the line becomes much wider in the run with the cut."""
    app = window.app
    long = traces.tensor(*(123456.789 + number for number in range(4)))

    def record(job: wire.Run) -> Trace:
        trace = traces.first(cut=bool(job.what_if.cuts))
        if not job.what_if.cuts:
            return trace
        values = tuple(
            msgspec.structs.replace(value, tensor=long) if value.id in (1, 4) else value for value in trace.values
        )
        return msgspec.structs.replace(trace, values=values)

    window.worker.record = record
    window.key("<F5>")
    window.key("<End>")
    app.canvas.event_generate("<Button-4>", x=10, y=10, state=4)
    window.settle()
    pixel = window.on_wire("b**2", "Q")
    there = app.canvas.view.point(*pixel)
    window.click(*pixel)
    assert app.session.what_if.cuts
    picture, playback = app.canvas.picture, app.session.playback
    assert picture is not None
    assert playback is not None
    assert picture.hit(*there, playback) != Hit("wire", wire=4)  # the line lies elsewhere now
    window.click(*pixel)
    assert not app.session.what_if.cuts


@pytest.mark.parametrize(
    ("share", "text"), [(1.25, "125%"), (0.0149, "1%"), (0.01, "1%"), (0.0042, "0.4%"), (0.0002, "0.02%")]
)
def test_a_zoom_is_told_with_a_digit_that_is_not_zero(share: float, text: str) -> None:
    assert percentage(share) == text


def test_folding_does_not_take_the_reader_elsewhere(window: Window) -> None:
    canvas = opened(window, loop(120))
    window.key("<End>")
    picture = canvas.picture
    assert picture is not None
    group = next(unit.group for unit in picture.units if unit.group)
    canvas.fold(group)
    canvas.view.centre(*picture.rects[0][:2])
    before = (canvas.view.x, canvas.view.y)
    canvas.fold(group)
    window.settle()
    assert (canvas.view.x, canvas.view.y) == before


def test_what_was_unfolded_stays_so_in_another_run_of_the_program(window: Window) -> None:
    app, canvas = window.app, window.app.canvas
    window.worker.record = lambda job: loop(120)
    app.session.open_program(loop(120).source, "")
    window.settle()
    window.key("<F5>")
    window.key("<End>")
    assert canvas.picture is not None
    folded = len(canvas.picture.rects)
    canvas.fold(next(unit.group for unit in canvas.picture.units if unit.group))
    unfolded = len(canvas.picture.rects)
    assert unfolded > folded
    window.key("<F5>")
    assert len(window.worker.jobs) == 2
    assert len(canvas.picture.rects) == unfolded
    app.session.open_program(loop(120).source, "other.py")
    window.settle()
    window.key("<F5>")
    assert len(canvas.picture.rects) == folded


def test_a_click_after_panning_does_not_take_the_reader_back(window: Window) -> None:
    canvas = opened(window, traces.chain(60))
    window.key("<End>")
    canvas.minimap.event_generate("<Button-1>", x=5, y=5)
    window.settle()
    before = canvas.view.x
    window.click(*middle(window, canvas.picture.graph.cards[0] if canvas.picture else titled(window, "x")))
    assert window.app.selected == 0
    assert canvas.view.x == before


def test_another_size_of_the_window_opens_the_picture_again_only_while_it_is_as_opened(window: Window) -> None:
    canvas = opened(window, traces.fan())
    window.key("<End>")
    tk.Tk.geometry(window.app, "1100x700+0+0")
    window.wait_until(lambda: window.app.winfo_width() == 1100)
    window.settle()
    assert canvas.view.sees_all
    assert canvas.view.fitted == "opened"
    canvas.event_generate("<Button-5>", x=10, y=10)
    before = (canvas.view.x, canvas.view.y, canvas.view.zoom)
    tk.Tk.geometry(window.app, "1200x800+0+0")
    window.wait_until(lambda: window.app.winfo_width() == 1200)
    window.settle()
    assert (canvas.view.x, canvas.view.y, canvas.view.zoom) == before


# ── The menu ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_line_into_a_folded_group_cuts_all_its_uses_and_undoes_that(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    window.key("<End>")
    assert app.graph is not None
    wires = tuple(wire.id for wire in app.graph.wires if app.graph.cards[wire.target].title == "Q")
    bundle = Hit("bundle", group="somewhere", wires=wires)
    assert app._note_on(bundle) == ("", "Click: cut these 2 uses")
    app._clicked(bundle)
    window.settle()
    assert set(window.worker.jobs[-1].what_if.cuts) == {Cut("mul#3", "sub#5", 0), Cut("pow#4", "sub#5", 1)}
    undo = named(app.menus.of(bundle), "Undo the cut of these 2 uses").command
    assert undo is not None
    undo()
    window.settle()
    assert window.worker.jobs[-1].what_if.cuts == ()


def test_a_loop_unrolls_at_a_click_and_rolls_up_to_where_it_was(window: Window) -> None:
    window.worker.record = lambda job: loop(9)
    window.key("<F5>")
    window.key("<End>")
    canvas = window.app.canvas
    assert canvas.picture is not None
    before = canvas.picture
    (rolled,) = (number for number, unit in enumerate(before.units) if unit.group)
    window.click(*window.on_screen(before.rects[rolled][0] + 8, before.rects[rolled][1] + 10))
    unrolled = canvas.picture
    assert [unit.group for unit in unrolled.units if unit.group] == [f"loop0/{turn}" for turn in range(9)]
    left, top, _, _ = unrolled.frames["loop0"]
    window.click(*window.on_screen(left + 20, top + 20))
    assert canvas.picture.rects == pytest.approx(before.rects)


def test_what_is_preferred_changes_at_once_and_is_kept(window: Window, tmp_path: Path) -> None:
    app = window.app
    app._kept = tmp_path / "new" / "settings.json"
    theme = entry_of(app.menus.main(), "Theme").entries
    assert [entry.chosen for entry in theme] == [False, True, False]
    assert theme[2].command is not None
    theme[2].command()
    window.settle()
    assert app.look.name == "dark"
    assert load(app._kept).theme == "dark"
    app._kept = Path("/dev/null/settings.json")
    app.prefer(language="zh")
    window.settle()
    assert "设置无法保存" in app.output.text.get("1.0", "end")


def test_settings_that_make_no_sense_follow_the_system(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    for text in ("", "[]", "{", '{"size": 9000, "language": ["en"], "theme": "dark", "more": 1}'):
        file.write_text(text)
        found = load(file)
        assert found == (Settings(theme="dark") if "dark" in text else Settings())
    save(Settings(size=150, motion="off"), file)
    assert load(file) == Settings(size=150, motion="off")


# ── The keyboard ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_cards_are_reached_by_keyboard(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    for _ in range(2):
        window.key("<Up>", app.canvas)
    assert app.selected is not None
    assert app.inspector.text.get("1.0", "end").strip()
    app._clicked(Hit("card", card=titled(window, "3*a**3").id))
    window.key("<Return>", app.canvas)
    assert app.session.playback is not None
    assert app.session.playback.cursor == 12


def test_tab_reaches_the_canvas_and_shows_it(window: Window) -> None:
    canvas = window.app.canvas
    window.key("<F5>")
    window.key("<Tab>", canvas)
    assert window.app.focus_get() is not canvas
    assert canvas.itemcget(canvas._focus_ring, "state") == "hidden"
    window.key("<Shift-Tab>")
    assert window.app.focus_get() is canvas
    assert canvas.itemcget(canvas._focus_ring, "state") == "normal"
    assert canvas.itemcget(canvas._focus_ring, "outline") == LIGHT["accent"]
    window.click(5, 5)
    assert canvas.itemcget(canvas._focus_ring, "state") == "hidden"


def test_arrows_with_shift_go_from_card_to_card_and_are_no_steps(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    before = app.session.playback
    app._clicked(Hit("card", card=titled(window, "Q").id))
    for key, title in (("Left", "3*a**3"), ("Down", "b**2"), ("Left", "b"), ("Right", "b**2"), ("Up", "3*a**3")):
        window.key(f"<Shift-{key}>", app.canvas)
        assert app.selected == titled(window, title).id
    assert app.session.playback == before
    window.key("<Return>", app.canvas)
    assert app.session.playback is not None
    assert app.session.playback.cursor == 12


def test_arrows_with_shift_reach_only_what_is_there(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    window.key("<Home>")
    for _ in range(3):
        window.key("<F10>")
    app._clicked(Hit("card", card=titled(window, "a**3").id))
    window.key("<Shift-Right>", app.canvas)
    assert app.selected == titled(window, "a**3").id
    window.key("<Shift-Left>", app.canvas)
    assert app.selected == titled(window, "a").id


def test_arrows_in_the_editor_are_the_editors(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    before = app.session.playback
    for key in ("<Left>", "<Shift-Right>", "<Down>"):
        window.key(key, app.editor.text)
    assert app.session.playback == before
    assert app.selected is None


def test_tab_shows_a_ring_and_space_presses_the_button(window: Window) -> None:
    app = window.app
    button = app.buttons["step"]
    button._canvas.focus_force()
    button._canvas.event_generate("<<TraverseIn>>")
    assert button.cget("border_width") == 2
    window.key("<space>", button._canvas)
    assert len(window.worker.jobs) == 1
    app.canvas.focus_force()
    app.update()
    assert button.cget("border_width") == 0


# ── Motion ────────────────────────────────────────────────────────────────────────────────────────────────────────


def phases(window: Window, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, float | None]]:
    """Cursor and phase of every frame drawn from now on."""
    seen: list[tuple[int, float | None]] = []
    drawn = Picture.scene

    def scene(self, playback, words, **options):  # type: ignore[no-untyped-def]
        seen.append((playback.cursor, options["motion"]))
        return drawn(self, playback, words, **options)

    monkeypatch.setattr(Picture, "scene", scene)
    return seen


def test_a_step_moves_there_and_back(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    app = window.app
    window.key("<F5>")
    app.canvas.motion.allowed = True
    seen = phases(window, monkeypatch)
    app.session.step()
    window.settle()
    window.wait_until(lambda: not app.canvas.motion.running)
    window.settle()
    moving = [phase for cursor, phase in seen if phase is not None and cursor == 8]
    assert moving
    assert moving == sorted(moving)
    assert seen[-1] == (8, None)
    seen.clear()
    app.session.back()
    window.settle()
    window.wait_until(lambda: not app.canvas.motion.running)
    window.settle()
    moving = [phase for cursor, phase in seen if phase is not None and cursor == 8]
    assert moving
    assert moving == sorted(moving, reverse=True)
    assert seen[-1] == (7, None)


def test_a_jump_interrupts_the_motion(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    app.canvas.motion.allowed = True
    app.session.step()
    app.update_idletasks()  # no frame of the motion yet, however slow the computer
    assert app.canvas.motion.running
    app.session.end()
    app.update_idletasks()
    assert not app.canvas.motion.running


def test_nothing_moves_where_motion_is_off(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    window.key("<F5>")
    seen = phases(window, monkeypatch)
    window.key("<F10>")
    assert seen
    assert all(phase is None for _, phase in seen)


def test_the_desktop_is_asked_for_less_motion(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gui.desktop.system_moves", lambda: False)
    window.app.prefer(motion="")
    assert not window.app.canvas.motion.allowed
    window.app.prefer(motion="on")
    assert window.app.canvas.motion.allowed


def test_a_movement_ends_in_time(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(motion, "DURATION", 0.03)
    frames: list[float | None] = []
    moving = Motion(window.app, lambda: frames.append(moving.now))
    moving.start()
    assert moving.now is not None
    window.wait_until(lambda: not moving.running, 2)
    assert frames[-1] is None


# ── Large pictures ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_large_picture_has_a_map_that_moves_the_view(window: Window) -> None:
    app = window.app
    assert not app.canvas.minimap.winfo_manager()
    app.session.open_trace(traces.chain(150))
    window.settle()
    window.wait_until(lambda: app.canvas.picture is not None)
    window.key("<End>")
    chart = app.canvas.minimap
    window.wait_until(chart.winfo_ismapped)
    before = app.canvas.view.x
    chart.event_generate("<Button-1>", x=5, y=5)
    window.settle()
    near = app.canvas.view.x
    chart.event_generate("<B1-Motion>", x=150, y=5)
    window.settle()
    assert app.canvas.view.x > near
    assert before != near


def put(window: Window, card: int, x: float, y: float) -> None:
    """Moves the view so that the middle of a card is at a pixel."""
    canvas = window.app.canvas
    assert canvas.picture is not None
    left, top, right, bottom = canvas.picture.rect(card)
    canvas.view.x = (left + right) / 2 - x / canvas.view.scale
    canvas.view.y = (top + bottom) / 2 - y / canvas.view.scale
    canvas.redraw()
    window.settle()
    window.app.update()


def on_map(window: Window, card: int) -> bool:
    """Whether the map covers any of a card."""
    canvas, chart = window.app.canvas, window.app.canvas.minimap
    assert canvas.picture is not None
    rect = canvas.picture.rect(card)
    x, y = chart.winfo_x(), chart.winfo_y()
    return overlap((*canvas.view.pixel(*rect[:2]), *canvas.view.pixel(*rect[2:])),
                   (x, y, x + chart.winfo_width(), y + chart.winfo_height()))  # fmt: skip


@pytest.mark.parametrize("chosen", [False, True])
def test_the_map_steps_aside_for_the_current_and_for_the_chosen_card(window: Window, chosen: bool) -> None:
    tk.Tk.geometry(window.app, "1024x600+0+0")
    window.wait_until(lambda: window.app.winfo_width() == 1024)
    canvas = opened(window, traces.chain(150))
    window.app.session.seek(40)
    window.settle()
    chart = canvas.minimap
    window.wait_until(chart.winfo_ismapped)
    card = canvas.picture.current_card(window.app.session.playback) if canvas.picture else None  # type: ignore[arg-type]
    assert card is not None
    if chosen:
        put(window, card - 2, 150, 150)
        window.click(150, 150)
        card -= 2
        assert window.app.selected == card
    home = (chart.winfo_x(), chart.winfo_y())
    corners = set()
    for x in (60, canvas.view.width - 60):
        for y in (90, canvas.view.height - 90):
            put(window, card, x, y)
            assert not on_map(window, card)
            corners.add((chart.winfo_x(), chart.winfo_y()))
            assert 0 <= chart.winfo_x() < canvas.view.width - chart.winfo_width()
            assert 0 <= chart.winfo_y() < canvas.view.height - chart.winfo_height()
    assert home in corners
    assert len(corners) > 1
    # It stays where it went while that is free.
    there = (chart.winfo_x(), chart.winfo_y())
    put(window, card, canvas.view.width / 2, canvas.view.height / 2)
    assert (chart.winfo_x(), chart.winfo_y()) == there


def test_the_map_does_not_go_away_while_it_is_held(window: Window) -> None:
    canvas = opened(window, traces.chain(150))
    window.app.session.seek(40)
    window.settle()
    chart = canvas.minimap
    window.wait_until(chart.winfo_ismapped)
    card = canvas.picture.current_card(window.app.session.playback) if canvas.picture else None  # type: ignore[arg-type]
    assert card is not None
    there = (chart.winfo_x(), chart.winfo_y())
    chart.event_generate("<Button-1>", x=5, y=5)
    put(window, card, chart.winfo_x() + chart.winfo_width() / 2, chart.winfo_y() + chart.winfo_height() / 2)
    assert on_map(window, card)
    assert (chart.winfo_x(), chart.winfo_y()) == there
    chart.event_generate("<ButtonRelease-1>", x=5, y=5)
    put(window, card, there[0] + 20, there[1] + 20)
    assert not on_map(window, card)


def test_a_map_shows_every_card() -> None:
    rects = np.array([[0.0, 0, 10, 10], [90, 90, 100, 100], [50, 0, 50.1, 0.1]])
    pixels = minimap.raster(rects, (0, 0, 100, 100), (20, 20), "#000000", "#FFFFFF")
    ink = pixels[:, :, 0] > 0
    assert ink[:2, :2].all()
    assert ink[18:, 18:].all()
    assert ink[0, 10]
    assert ink.sum() == 9


def test_arranging_can_be_cancelled_and_the_rest_goes_on(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    app = window.app
    gate = threading.Event()

    def slow(progress: Callable[[float], None]) -> None:
        progress(0.42)
        gate.wait(20)

    def said() -> list[str]:
        return [app.canvas.itemcget(item, "text") for item in (app.canvas._title, app.canvas._hint)]

    monkeypatch.setattr("gui.canvas.canvas.Picture", lambda *arguments, **options: slow(progress=arguments[-1]))
    app.session.open_trace(traces.chain(500))
    window.settle()
    window.wait_until(app.canvas.cancel_button.winfo_ismapped)
    assert app.canvas.arranging
    window.wait_until(lambda: said()[1] == "42%")
    assert "500" in said()[0]
    app._show_moment()  # whatever else happens meanwhile
    app.update_idletasks()
    assert said()[1] == "42%"
    app.canvas.cancel_button.invoke()
    window.settle()
    assert not app.canvas.arranging
    assert not app.canvas.cancel_button.winfo_manager()
    assert said()[0] == "No picture"
    assert "F5" in said()[1]
    window.key("<Right>")
    assert app.session.playback is not None
    assert app.session.playback.cursor == 1
    gate.set()


def test_the_window_answers_while_a_picture_is_made(window: Window) -> None:
    """Its own thread works, at one go, for a small part of what the picture takes; on a busy machine too."""
    app = window.app
    app.session.open_trace(traces.chain(1500))
    longest, mine, everyone = 0.0, time.thread_time(), time.process_time()
    begun = mine
    while app.canvas.picture is None:
        app.update()
        longest, mine = max(longest, time.thread_time() - mine), time.thread_time()
        time.sleep(0.001)
    elsewhere = time.process_time() - everyone - (mine - begun)
    assert longest < elsewhere / 3


def test_a_cancelled_layout_ends_and_tells_how_far_it_was(window: Window) -> None:
    playback = Playback.of(traces.chain(1500))
    shares: list[float] = []
    Picture(playback.trace, playback.index, progress=shares.append)
    assert shares
    assert shares == sorted(shares)
    assert shares[0] >= 0
    assert shares[-1] <= 1
    with pytest.raises(Cancelled):
        Picture(playback.trace, playback.index, cancelled=lambda: True)
    waiting = background.Background(
        window.app, partial(Picture, playback.trace, playback.index), on_done=lambda picture: None, on_wait=lambda: None
    )
    waiting.cancel()
    waiting._thread.join(10)
    assert not waiting._result


def test_what_fails_in_the_thread_is_told(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    app = window.app

    def fail(cancelled: object, progress: object) -> Picture:
        raise ValueError("no room")

    background.Background(app, fail, on_done=lambda picture: None, on_wait=lambda: None)
    window.wait_until(lambda: app.callback_errors)
    assert str(app.callback_errors.pop()) == "no room"


# ── The screen ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def scaled(display: str, request: pytest.FixtureRequest) -> Iterator[Window]:
    """A window of another size and scale: ``(width, height, percent)``."""
    width, height, percent = request.param
    worker = FakeWorker()
    app = App(start=lambda: worker, settings=Settings("en", "light", percent, "off"))
    tk.Tk.geometry(app, f"{width}x{height}+0+0")
    app.open(Path(__file__).parents[2] / "assets" / "examples" / "first.py")
    result = Window(app, worker)
    app.focus_force()
    result.wait_until(lambda: app.canvas._ready)
    result.wait_until(lambda: app.winfo_width() == width)
    result.settle()
    yield result
    errors = list(app.callback_errors)
    app.prefer(size=100)  # customtkinter's scale is one for all windows
    app.update()
    app.close()
    assert not errors, f"raised in a callback: {errors}"


def mapped(widget: tk.Misc) -> Iterator[tk.Misc]:
    for child in widget.winfo_children():
        if child.winfo_ismapped():
            yield child
            yield from mapped(child)


@pytest.mark.parametrize("scaled", [(1024, 600, 100), (1024, 600, 150), (1440, 900, 200)], indirect=True)
def test_every_control_can_be_reached(scaled: Window) -> None:
    app = scaled.app
    scaled.key("<F5>", app.canvas)
    scaled.key("<e>", app.canvas)
    left, top = app.winfo_rootx(), app.winfo_rooty()
    buttons = [widget for widget in mapped(app) if isinstance(widget, Button)]
    assert {app.buttons[role] for role in ("run", "stop", "home", "back", "step", "end", "menu")} <= set(buttons)
    assert app.seed_editor.apply_button in buttons
    for button in buttons:
        x, y = button.winfo_rootx() - left, button.winfo_rooty() - top
        assert x >= 0
        assert y >= 0
        assert x + button.winfo_reqwidth() <= app.winfo_width() + 1, button.cget("text")
        assert y + button.winfo_reqheight() <= app.winfo_height() + 1, button.cget("text")
    assert app.canvas.winfo_width() > 200 * app.look.scale
    assert app.inspector.winfo_height() > 60


@pytest.mark.parametrize("scaled", [(1440, 900, 200)], indirect=True)
def test_everything_is_larger_at_200_percent(scaled: Window) -> None:
    app = scaled.app
    scaled.key("<F5>", app.canvas)
    assert app.look.scale == 2
    assert app.canvas.view.scale == 2 * app.canvas.view.zoom
    assert app.timeline.winfo_height() == 88
    assert "-24" in str(app.editor.text.cget("font"))
    assert app.canvas._photo is not None
    assert app.canvas._photo.width() == app.canvas.winfo_width()  # its own pixels, none enlarged


def test_labels_are_told_only_what_differs(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    canvas = tk.Canvas(window.app)
    look = Look("light", LIGHT, words("en"), "DejaVu Sans", "DejaVu Sans Mono")
    labels = Labels(canvas, "test")
    shown = [Label(10.0 * n, 5.0, f"label {n}", "text") for n in range(20)]
    labels.show(shown, look)
    told: list[int] = []
    configure = canvas.itemconfigure
    monkeypatch.setattr(canvas, "itemconfigure", lambda item, **how: (told.append(item), configure(item, **how)))
    labels.show(shown, look, x=100, y=7)
    assert not told
    assert canvas.coords(1) == pytest.approx([-100, -2])
    labels.show([Label(0.0, 5.0, "other", "text"), *shown[1:]], look, x=100, y=7, scale=2.0)
    assert len(told) == 2  # the font of all, the text of one
    assert canvas.coords(2) == pytest.approx([-180, -4])
    labels.show(shown[:5], look, x=100, y=7, scale=2.0)
    visible = [item for item in canvas.find_all() if canvas.itemcget(item, "state") != "hidden"]
    assert sorted(canvas.itemcget(item, "text") for item in visible) == [f"label {n}" for n in range(5)]


@pytest.mark.parametrize("mono", [True, False], ids=["mono", "sans"])
def test_texts_are_as_large_as_the_picture_and_hardly_wider(window: Window, mono: bool) -> None:
    canvas = tk.Canvas(window.app)
    look = Look("light", LIGHT, words("en"), "DejaVu Sans", "DejaVu Sans Mono")
    labels, text = Labels(canvas, "test"), "AccumulateGrad -1.234e-10…5.678e10"
    nearest = 0
    scales = [0.42 + step * 0.02 for step in range(80)]
    for scale in scales:
        labels.show([Label(0.0, 0.0, text, "text", 13.0, mono=mono)], look, scale=scale)
        (item,) = canvas.find_withtag("test")
        pixels = -int(tkfont.nametofont(canvas.itemcget(item, "font"), root=canvas).cget("size"))
        assert abs(pixels - 13 * scale) < 1
        nearest += pixels == round(13 * scale)
        left, _, right, _ = canvas.bbox(item)
        assert right - left <= 1.11 * text_width(text, 13.0 * scale, mono) + 2
    assert nearest > 0.6 * len(scales)


def test_the_legend_has_a_ground_only_where_something_lies_beneath_it() -> None:
    view, look = View(800, 600), Look("light", LIGHT, words("en"), "", "")
    meaning = legend(look.words, 16, 580)
    below, beside = Label(60, 580, "beneath", "text"), Label(60, 500, "beside", "text")
    straddling = Label(60, 562, "straddling", "text", size=20)
    alone, bare = beneath_legend(Scene((), (beside,)), meaning, view, look)
    assert (alone.labels, bare) == ((beside,), meaning)
    left, grounded = beneath_legend(Scene((), (below, beside, straddling)), meaning, view, look)
    assert left.labels == (beside,)
    assert isinstance(grounded.shapes[0], Box)
    assert grounded.shapes[1:] == meaning.shapes
    _, under_a_box = beneath_legend(Scene((Box(10, 550, 80, 40),)), meaning, view, look)
    assert under_a_box == grounded
