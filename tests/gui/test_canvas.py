"""What the mouse and the keys do on the picture, and how the window fits its screen."""

from __future__ import annotations

import threading
import time
import tkinter as tk
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from core.layout import Cancelled
from core.playback import Playback
from core.records import Cut
from gui import arranging, context, minimap, motion
from gui.app import App
from gui.button import Button
from gui.cards import Card
from gui.i18n import words
from gui.labels import Labels
from gui.menu import Entry
from gui.motion import Motion
from gui.scene import Hit, Label, Picture
from gui.settings import Settings, load, save
from gui.theme import LIGHT, Look
from gui.view import View
from tests.gui import traces
from tests.gui.conftest import FakeWorker, Window
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


def test_a_value_that_is_not_there_yet_is_not_told(window: Window) -> None:
    window.key("<space>")
    playback = window.app.session.playback
    assert playback is not None
    assert context.value_of(playback, titled(window, "Q")) is None
    assert context.gradient_of(playback, titled(window, "a")) is None


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


def test_a_drag_moves_the_picture_and_clicks_nothing(window: Window) -> None:
    window.key("<F5>")
    canvas = window.app.canvas
    x, y = middle(window, titled(window, "a"))
    before = canvas.view.x
    canvas.event_generate("<ButtonPress-1>", x=x, y=y)
    canvas.event_generate("<B1-Motion>", x=x + 60, y=y)
    canvas.event_generate("<ButtonRelease-1>", x=x + 60, y=y)
    window.settle()
    assert canvas.view.x == pytest.approx(before - 60 / canvas.view.scale)
    assert window.app._selected is None
    window.key("<Control-Key-0>")
    assert canvas.view.fitted


def test_the_wheel_pans_and_with_control_zooms_at_the_pointer(window: Window) -> None:
    window.key("<F5>")
    canvas = window.app.canvas
    y, zoom = canvas.view.y, canvas.view.zoom
    canvas.event_generate("<Button-5>", x=200, y=200)
    assert canvas.view.y > y
    fixed = canvas.view.point(200, 150)
    canvas.event_generate("<Button-4>", x=200, y=150, state=4)
    assert canvas.view.zoom > zoom
    assert canvas.view.point(200, 150) == pytest.approx(fixed)


# ── The menu ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_menu_of_a_card_copies_selects_and_cuts_all_uses(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    window.key("<End>")
    card = titled(window, "b**2")
    entries = app.entries_for(Hit("card", card=card.id))
    copy = named(entries, "Copy gradient").command
    assert copy is not None
    copy()
    assert app.clipboard_get() == "[-1, -1]"
    line = named(entries, "Select line 5").command
    assert line is not None
    line()
    assert app.editor.text.get("sel.first", "sel.last") == "Q = 3*a**3 - b**2"
    cut = named(entries, "Cut all uses").command
    assert cut is not None
    cut()
    window.settle()
    assert window.worker.jobs[-1].what_if.cuts == (Cut("pow#4"),)
    entries = app.entries_for(Hit("card", card=titled(window, "b**2").id))
    assert named(entries, "Undo the cut of all uses").command is not None


def test_the_menu_of_an_edge_cuts_this_use(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    assert app.graph is not None
    wire = next(w for w in app.graph.wires if app.graph.cards[w.source].title == "b**2")
    entries = app.entries_for(Hit("wire", wire=wire.id))
    assert named(entries, "Cut all uses of b**2").command is not None
    cut = named(entries, "Cut this use").command
    assert cut is not None
    cut()
    assert window.worker.jobs[-1].what_if.cuts == (Cut("pow#4", "sub#5", 1),)


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
    undo = named(app.entries_for(bundle), "Undo the cut of these 2 uses").command
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


def test_a_right_click_opens_the_menu_there(window: Window) -> None:
    window.key("<F5>")
    shown: list[int] = []
    window.app.menu.tk_popup = lambda x, y: shown.extend((x, y))  # type: ignore[method-assign,assignment,misc]
    canvas = window.app.canvas
    x, y = middle(window, titled(window, "Q"))
    canvas.event_generate("<Button-3>", x=x, y=y, rootx=500, rooty=300)
    assert shown == [500, 300]
    labels = [
        window.app.menu.entrycget(n, "label")
        for n in range((window.app.menu.index("end") or 0) + 1)
        if window.app.menu.type(n) == "command"
    ]
    assert labels[0] == "Run to here"
    assert "Find…" in labels


def test_what_is_preferred_changes_at_once_and_is_kept(window: Window, tmp_path: Path) -> None:
    app = window.app
    app._kept = tmp_path / "new" / "settings.json"
    theme = named(app.menu_entries(), "Theme").entries
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
    assert app._selected is not None
    assert app.inspector.text.get("1.0", "end").strip()
    app._clicked(Hit("card", card=titled(window, "3*a**3").id))
    window.key("<Return>", app.canvas)
    assert app.session.playback is not None
    assert app.session.playback.cursor == 12


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


def test_find_goes_from_match_to_match(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    window.key("<Control-f>")
    bar = app.canvas.find_bar
    assert bar.opened
    bar.entry.insert(0, "b")
    window.key("<KeyRelease>", bar.entry._entry)
    first = app._selected
    assert first is not None
    assert "of" in bar.count.cget("text")
    window.key("<Return>", bar.entry._entry)
    assert app._selected not in (None, first)
    bar.entry.delete(0, "end")
    bar.entry.insert(0, "nothing like it")
    window.key("<KeyRelease>", bar.entry._entry)
    assert bar.count.cget("text") == "not found"
    window.key("<Escape>", bar.entry._entry)
    assert not bar.opened
    assert app._selected is None


def test_keys_typed_into_the_finder_are_no_steps(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    before = app.session.playback
    window.key("<Control-f>")
    for key in ("<space>", "<Left>", "<Home>"):
        window.key(key, app.canvas.find_bar.entry._entry)
    assert app.session.playback == before


def test_the_picture_is_exported_as_it_stands(window: Window, tmp_path: Path) -> None:
    app = window.app
    window.key("<F5>")
    app.export_to(tmp_path / "step.svg")
    assert "<svg" in (tmp_path / "step.svg").read_text()
    app.export_to(tmp_path / "step.doc")
    window.settle()
    assert "step.doc could not be written" in app.output.text.get("1.0", "end")


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
    app.update()
    assert app.canvas.motion.running
    app.session.end()
    app.update()
    assert not app.canvas.motion.running


def test_nothing_moves_where_motion_is_off(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    window.key("<F5>")
    seen = phases(window, monkeypatch)
    window.key("<F10>")
    assert seen
    assert all(phase is None for _, phase in seen)


def test_the_desktop_is_asked_for_less_motion(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gui.app.system_moves", lambda: False)
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
    monkeypatch.setattr("gui.canvas.Picture", lambda *arguments, **options: gate.wait(20) and None)
    app.session.open_trace(traces.chain(500))
    window.settle()
    window.wait_until(app.canvas.cancel_button.winfo_ismapped)
    assert app.canvas.arranging
    app.canvas.cancel_button.invoke()
    window.settle()
    assert not app.canvas.arranging
    assert not app.canvas.cancel_button.winfo_manager()
    assert app.canvas.itemcget(app.canvas._title, "text") == "No picture"
    window.key("<Right>")
    assert app.session.playback is not None
    assert app.session.playback.cursor == 1
    gate.set()


def test_the_window_answers_while_a_picture_is_made(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    app = window.app
    app.session.open_trace(traces.chain(1500))
    longest, last = 0.0, time.monotonic()
    app.update()
    while app.canvas.picture is None:
        app.update()
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
        time.sleep(0.001)
    assert longest < 1.0


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
    waiting = arranging.Arranging(
        window.app, partial(Picture, playback.trace, playback.index), on_done=lambda picture: None, on_wait=lambda: None
    )
    waiting.cancel()
    waiting._thread.join(10)
    assert waiting._made is None


def test_what_fails_in_the_thread_is_told(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    app = window.app

    def fail(cancelled: object, progress: object) -> Picture:
        raise ValueError("no room")

    arranging.Arranging(app, fail, on_done=lambda picture: None, on_wait=lambda: None)
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


def test_a_view_fits_follows_and_stays_on_its_point() -> None:
    view = View(width=800, height=600)
    view.fit((0, 0, 100, 100))
    assert view.zoom == 1.25
    view.fit((0, 0, 4000, 100))
    assert view.zoom == 0.8
    assert view.x == 0
    view.fit((0, 0, 4000, 100), whole=True)
    assert view.zoom == 0.2
    view.zoom, view.x, view.y = 1.0, 0.0, 0.0
    view.reveal((100, 100, 200, 200))
    assert (view.x, view.y) == (0, 0)
    view.reveal((1000, 100, 1100, 200))
    assert view.x == 650
    view.unit = 2.0
    assert view.point(*view.pixel(12, 34)) == pytest.approx((12, 34))


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
