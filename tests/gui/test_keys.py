"""The sheet of keys, and keys that go somewhere."""

from __future__ import annotations

import re
import tkinter as tk
from collections.abc import Iterator

from gui.i18n import words
from gui.keys import COLUMNS
from gui.shortcuts import pressed, spelled
from gui.widgets.menu import Entry
from tests.gui.conftest import Window, entry_of


def test_f1_shows_the_keys_and_the_next_key_hides_them(window: Window) -> None:
    app = window.app
    window.key("<F1>", app.canvas)
    assert app.keys_sheet.winfo_ismapped()
    x, y = app.keys_sheet.winfo_rootx() - app.winfo_rootx(), app.keys_sheet.winfo_rooty() - app.winfo_rooty()
    assert x >= 0
    assert y >= 0
    assert x + app.keys_sheet.winfo_width() <= app.winfo_width()
    window.key("<Escape>", app.keys_sheet)
    assert not app.keys_sheet.winfo_ismapped()
    assert app.focus_get() is app.canvas
    window.key("<F1>", app.canvas)
    window.key("<F1>", app.keys_sheet)
    assert not app.keys_sheet.winfo_ismapped()


def test_every_row_of_the_sheet_is_said_in_both_languages() -> None:
    for _, key in (row for rows in COLUMNS for row in rows):
        assert words("en")(key) != words("zh")(key)


def test_control_right_goes_to_the_next_backward_call(window: Window) -> None:
    app = window.app
    window.key("<F5>", app.canvas)
    window.key("<Home>", app.canvas)
    window.key("<Control-Right>", app.canvas)
    playback = app.session.playback
    assert playback is not None
    assert playback.event is not None
    assert playback.event.kind == "pass"
    place = playback.cursor
    window.key("<End>", app.canvas)
    window.key("<Control-Left>", app.canvas)
    assert app.session.playback is not None
    assert app.session.playback.cursor == place


def test_places_that_are_not_there_are_greyed(window: Window) -> None:
    app = window.app
    window.key("<F5>", app.canvas)
    window.key("<Home>", app.canvas)
    places = {entry.text: entry for entry in entry_of(app.menus.main(), "Run").entries}
    assert places["Next backward call"].command is not None
    assert places["First NaN or Inf"].command is None


NAMES = {
    "→": "Right", "←": "Left", "↑": "Up", "↓": "Down", "Space": "space", "Enter": "Return", "Esc": "Escape",
    "+": "plus", "−": "minus", "P": "p", "/": "slash", "Ctrl": "Control",
}  # fmt: skip
ANOTHER_SAYS = {
    "Control-KP_0", "KP_Add", "KP_Subtract", "KP_Enter", "=", "Menu", "App", "ISO_Left_Tab", "Control-Shift-Z",
}  # fmt: skip
"""Keys that do what another one on the sheet does."""


def sequences(said: str) -> Iterator[str]:
    """The events of keys as the sheet and the menus say them: ``Shift+↑ ↓`` are two."""
    for group in re.split(r" {3,}", said):
        held: list[str] = []
        for key in group.split():
            *more, last = key.split("+") if len(key) > 1 else [key]
            held = more or held
            last = NAMES.get(last, last)
            if len(last) == 1 and last.isalpha() and "Shift" not in held:
                last = last.lower()
            if len(last) == 1 and held == ["Shift"]:
                yield last  # a capital letter
                continue
            yield "-".join([*(NAMES.get(one, one) for one in held), last])


def on_the_sheet() -> set[str]:
    return {sequence for rows in COLUMNS for said, _ in rows for sequence in sequences(said)}


def test_every_key_on_the_sheet_does_something(window: Window) -> None:
    app = window.app
    places = (".", app.canvas, app.editor.text, app.lessons.list_page.text, "all")
    for sequence in on_the_sheet():
        key = re.sub(r"(?<![A-Za-z0-9])(\w)$", r"Key-\1", sequence)
        assert any(app.tk.call("bind", place, f"<{key}>") for place in places), sequence


def test_every_key_of_the_window_is_on_the_sheet(window: Window) -> None:
    app, known = window.app, on_the_sheet()
    assert {"Control-f", "F1", "Shift-Up", "Control-Shift-S", "plus", "Alt-f"} <= known
    bound = {str(one) for place in (".", app.canvas) for one in app.tk.splitlist(app.tk.call("bind", place))}
    keys = {one.strip("<>").replace("Key-", "") for one in bound if "Key" in one or len(one) == 1}
    keys = {{"+": "plus", "-": "minus"}.get(key, key) for key in keys}
    capitals = {re.sub(r"Shift-([a-z])$", lambda found: f"Shift-{found[1].upper()}", key) for key in keys}
    assert capitals - known - ANOTHER_SAYS == set()


def test_the_keys_that_menus_say_are_on_the_sheet(window: Window) -> None:
    def keys(entries: list[Entry]) -> Iterator[str]:
        for entry in entries:
            yield from sequences(entry.keys)
            yield from keys(list(entry.entries))

    window.key("<F5>")
    assert set(keys(window.app.menus.main())) - on_the_sheet() - {""} == set()


def test_on_macos_keys_are_commands() -> None:
    assert spelled("Export · Ctrl+E", mac=True) == "Export · ⌘E"
    assert spelled("Ctrl+Shift+S", mac=True) == "⇧⌘S"
    assert spelled("Shift+F5", mac=True) == "⇧F5"
    assert spelled("Ctrl+E", mac=False) == "Ctrl+E"
    assert pressed("<Control-Shift-Key-S>", mac=True) == "<Command-Shift-Key-S>"
    assert pressed("<F5>", mac=True) == "<F5>"


def test_the_sheet_fits_a_small_window_with_large_text(window: Window) -> None:
    app = window.app
    app.prefer(size=200)
    tk.Tk.minsize(app, 400, 300)
    tk.Tk.geometry(app, "1024x600")
    window.wait_until(lambda: app.winfo_width() == 1024)
    for sheet in (app.keys_sheet, app.checks_sheet):
        sheet.toggle()
        window.settle()
        assert sheet.winfo_x() >= 0
        assert sheet.winfo_y() >= 0
        assert sheet.winfo_x() + sheet.winfo_width() <= 1024
        assert sheet.winfo_y() + sheet.winfo_height() <= 600
        sheet.close()
