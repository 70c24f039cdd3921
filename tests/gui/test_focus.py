"""Tab through the whole window: everything is reached, and what has the keyboard shows it."""

from __future__ import annotations

import tkinter as tk

import numpy as np
import pytest
from PIL import ImageGrab

from core import wire
from core.records import Check
from tests.gui.conftest import Window


def walk(window: Window, key: str = "<Tab>") -> list[tk.Misc]:
    """Every widget that Tab stops at, from the picture on."""
    app, stops = window.app, []
    app.canvas.focus_force()
    window.settle()
    while (focus := app.focus_get()) is not None and focus not in stops:
        stops.append(focus)
        leaving = key.replace("<", "<Control-") if focus is app.editor.text else key
        window.key(leaving)
    return stops


def picture(widget: tk.Misc) -> np.ndarray:
    """What is seen of a widget."""
    left, top = widget.winfo_rootx(), widget.winfo_rooty()
    shown = ImageGrab.grab((left, top, left + widget.winfo_width(), top + widget.winfo_height()))
    return np.asarray(shown.convert("RGB"), int)


@pytest.fixture
def stepped(window: Window) -> Window:
    """In the middle of a backward pass, with checks."""
    window.key("<F5>")
    window.worker.replies.append(wire.Verified(1, agrees=True, checks=(Check(2, 0.0, True),)))
    window.key("<F10>")
    window.key("<F10>")
    return window


def test_tab_reaches_everything_and_comes_round(stepped: Window) -> None:
    app = stepped.app
    stops = walk(stepped)
    buttons = [button for role, button in app.buttons.items() if role != "stop"]  # nothing runs
    buttons += [*app.pages.buttons.values(), *app.canvas._buttons.values(), app.statusbar.checks]
    wanted = [app.canvas, app.editor.text, app.output.text, app.timeline, *(button._canvas for button in buttons)]
    wanted += [entry._entry for entry in app.seed_editor.entries]
    assert [widget for widget in wanted if widget not in stops] == []
    assert app.buttons["stop"]._canvas not in stops
    order = [app.buttons["run"]._canvas, app.editor.text, app.output.text]
    places = [stops.index(widget) for widget in order]
    assert places == sorted(places)
    assert set(walk(stepped, "<Shift-Tab>")) == set(stops)
    assert "\t" not in app.editor.source


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_has_the_keyboard_shows_it(stepped: Window, theme: str) -> None:
    app = stepped.app
    app.prefer(theme=theme)
    stepped.settle()
    for stop in walk(stepped):
        if isinstance(stop, tk.Entry) or stop is app.editor.text:
            continue  # they have a cursor
        app.focus_force()
        app.event_generate("<Motion>", warp=True, x=2, y=2)
        stepped.settle()
        before = picture(stop)
        app.tk.call("tk::TabToWindow", stop)
        stepped.settle()
        now = picture(stop)
        # A ring whose colour stands out from what was there.
        assert (np.abs(now - before).sum(axis=2) > 90).sum() > stop.winfo_width(), stop


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_field_that_has_the_keyboard_has_another_border(stepped: Window, theme: str) -> None:
    app = stepped.app
    app.prefer(theme=theme)
    app.edit_seed()
    stepped.settle()
    fields = [*app.seed_editor.entries, app.seed_editor.whole]
    for field in fields:
        app.tk.call("tk::TabToWindow", field._entry)
        stepped.settle()
        bordered = [one.cget("border_color") == app.look["accent"] for one in fields]
        assert bordered == [one is field for one in fields]
    stepped.key("<Escape>")
    assert not any(one.cget("border_color") == app.look["accent"] for one in fields)


def test_the_timeline_steps_by_key(stepped: Window) -> None:
    app = stepped.app
    assert app.session.playback is not None
    before = app.session.playback.cursor
    stepped.key("<Right>", app.timeline)
    assert app.session.playback.cursor == before + 1
    stepped.key("<Home>", app.timeline)
    assert app.session.playback.cursor == 0


def test_zoom_and_menu_by_key(stepped: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    app = stepped.app
    zoom = app.canvas.view.zoom
    stepped.key("<Control-plus>", app.canvas)
    assert app.canvas.view.zoom > zoom
    stepped.key("<Control-minus>", app.canvas)
    assert app.canvas.view.zoom == pytest.approx(zoom)
    posted: list[tuple[int, int]] = []
    monkeypatch.setattr(app.menu, "tk_popup", lambda x, y: posted.append((x, y)))
    stepped.key("<Alt-f>", app.canvas)
    app.buttons["menu"]._canvas.event_generate("<<TraverseIn>>")
    stepped.key("<Return>", app.buttons["menu"]._canvas)
    assert len(posted) == 2
    assert posted[0] == posted[1]
    assert posted[0][0] + app.menu.winfo_reqwidth() <= app.winfo_rootx() + app.winfo_width()
