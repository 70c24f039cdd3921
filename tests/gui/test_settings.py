"""What the reader prefers lasts, whatever stands in its file, and fits the screen it comes back to."""

from __future__ import annotations

import json
import time
import tkinter as tk
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.limits import Limits
from gui import placing
from gui.app import App
from gui.settings import Settings, load, save
from gui.theme import MAPS
from tests.gui import traces
from tests.gui.conftest import FakeWorker, Window, entry_of

Start = Callable[[], Window]


@pytest.fixture
def start(display: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts the window with what it has kept; the one before is closed first."""
    monkeypatch.setattr("gui.app.place", lambda: tmp_path / "settings.json")
    windows: list[Window] = []

    def again() -> Window:
        if windows:
            windows[-1].app.ask_close()
        app = App(start=FakeWorker)
        windows.append(Window(app, FakeWorker()))
        app.focus_force()
        windows[-1].wait_until(lambda: app.canvas._ready)
        windows[-1].settle()
        return windows[-1]

    yield again
    windows[-1].app.close()
    assert not [error for window in windows for error in window.app.callback_errors]


def choose(window: Window, key: str, text: str) -> None:
    """An entry of a menu of the window's menu."""
    say = window.app.look.words
    menu = entry_of(window.app.menus.main(), say(key))
    command = next(entry.command for entry in menu.entries if entry.text == text)
    assert command is not None
    command()
    window.settle()


def test_the_window_comes_back_as_it_was_left(start: Start) -> None:
    first = start()
    app = first.app
    tk.Tk.geometry(app, "1100x700+60+40")
    first.wait_until(lambda: app.winfo_width() == 1100)
    first.settle()
    usual = placing.panes_for(1100, 700)
    app._panes.sash_place(0, 300, 1)
    app._left.sash_place(0, 1, 380)
    app.pages.turn("transcript.title")
    choose(first, "menu.colours", "Purple to orange (PuOr)")
    app.update()
    left, right, below = app._left.winfo_width(), app._right.winfo_width(), app.pages.winfo_height()
    assert (left, below) != (usual[0], usual[2])
    second = start().app
    assert (second.winfo_width(), second.winfo_height(), second.winfo_x(), second.winfo_y()) == (1100, 700, 60, 40)
    sizes = second._left.winfo_width(), second._right.winfo_width(), second.pages.winfo_height()
    assert sizes == pytest.approx((left, right, below), abs=1)
    assert second.pages.shown == "transcript.title"
    assert second.look["map0"] == MAPS["PuOr"][0]


def test_panels_that_were_not_dragged_are_not_kept(start: Start) -> None:
    start()
    kept = start().app.settings
    assert kept.panes is None
    assert kept.window is not None


@pytest.mark.parametrize(
    ("kept", "shown"),
    [
        ((3000, 2000, 500, 400), (1024, 600, 0, 0)), ((800, 500, 900, 300), (800, 500, 224, 100)),
        ((800, 500, -50, -9), (800, 500, 0, 0)), (None, (1024, 600, 0, 0)),
    ],
)  # fmt: skip
def test_a_smaller_screen_shows_all_of_the_window(kept: placing.Geometry | None, shown: placing.Geometry) -> None:
    assert placing.on_screen(kept, (1440, 900), (1024, 600)) == shown


def test_panels_that_leave_no_room_are_as_usual() -> None:
    assert placing.panes_for(1440, 900, (500, 400, 200)) == (500, 400, 200)
    assert placing.panes_for(1000, 900, (500, 400, 200)) == placing.panes_for(1000, 900)
    assert placing.panes_for(1440, 500, (500, 400, 400)) == placing.panes_for(1440, 500)


def test_the_colour_map_changes_at_once_and_in_exports(window: Window, tmp_path: Path) -> None:
    app = window.app
    app.session.open_trace(traces.chain(3))
    choose(window, "menu.colours", "Purple to orange (PuOr)")
    assert app.settings.colours == "PuOr"
    assert app.canvas._look is app.look
    assert app.look["map8"] == MAPS["PuOr"][8]
    shown = app.exports.shown()
    assert shown is not None
    assert shown.order.colours == "PuOr"


def test_what_a_newer_version_keeps_stays(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"theme": "sepia", "language": "zh", "shapes": [1, 2], "size": 125}))
    kept = load(file)
    assert kept == Settings(language="zh", size=125)
    save(Settings(language="en", size=125), file)
    assert json.loads(file.read_text()) == {"theme": "sepia", "language": "en", "shapes": [1, 2], "size": 125}


@pytest.mark.parametrize("text", ["{", "[]", "\x00", '{"theme": '])
def test_a_damaged_file_is_set_aside(tmp_path: Path, text: str) -> None:
    file = tmp_path / "settings.json"
    file.write_text(text)
    assert load(file) == Settings()
    save(Settings(theme="dark"), file)
    assert load(file) == Settings(theme="dark")
    assert next(tmp_path.glob("settings.json.damaged-*")).read_text() == text


@pytest.mark.parametrize("window", [[1, 2], [0, 5, 0, 0], ["a", 1, 2, 3], [1e9, 1, 1, 1], True, [10**7, 5, 0, 0]])
def test_places_that_make_no_sense_are_forgotten(tmp_path: Path, window: object) -> None:
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"window": window, "theme": "dark"}))
    assert load(file) == Settings(theme="dark")


def test_limits_of_another_kind_are_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"memory": False, "time": "9", "output": True, "writes": 1, "theme": "dark"}))
    assert load(file) == Settings(theme="dark")
    file.write_text(json.dumps({"memory": 0, "time": 60, "output": 16, "writes": True}))
    assert load(file).limits == Limits(0, 60, 16, confined=False)


def test_the_theme_follows_the_desktop_and_never_waits_for_it(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    window = start()
    app = window.app
    window.wait_until(lambda: app.desktop._asking is None)
    assert app.look.name == "light"

    def slow() -> str:
        time.sleep(0.5)
        return "dark"

    monkeypatch.setattr("gui.desktop.system_theme", slow)
    began = time.monotonic()
    app.event_generate("<FocusIn>")
    app.update()
    assert time.monotonic() - began < 0.4
    window.wait_until(lambda: app.look.name == "dark")
    assert app.settings.theme == ""
    app.prefer(theme="light")
    app.event_generate("<FocusIn>")
    time.sleep(0.6)
    window.wait_until(lambda: app.desktop._asking is None)
    assert app.look.name == "light"


def test_text_size_by_menu_leaves_the_window_and_its_least_size(window: Window) -> None:
    app = window.app
    app.update()
    before = app.winfo_width(), app.winfo_height()
    choose(window, "menu.size", "150 %")
    assert (app.winfo_width(), app.winfo_height()) == before
    assert app.look.scale == 1.5
    tk.Tk.geometry(app, "1200x800")
    window.wait_until(lambda: app.winfo_width() == 1200, 0.5)
    assert tk.Tk.minsize(app) == (640, 400)


def test_what_a_frame_pushed_off_the_screen_is_taken_from_the_height(window: Window) -> None:
    app = window.app
    screen = app.winfo_screenheight()
    tk.Tk.geometry(app, f"900x700+0+{screen - 640}")
    window.wait_until(lambda: app.winfo_rooty() == screen - 640 and app.winfo_height() == 700)
    placing.keep_on_screen(app)
    window.wait_until(lambda: app.winfo_height() == 640)
    placing.keep_on_screen(app)
    window.settle()
    assert app.winfo_height() == 640
