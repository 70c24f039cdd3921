"""The sheet of keys, and keys that go somewhere."""

from __future__ import annotations

from gui.i18n import words
from gui.keys import COLUMNS
from tests.gui.conftest import Window


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
    entries = {entry.text: entry for entry in app.menus.main()}
    places = {entry.text: entry for entry in entries["Go to"].entries}
    assert places["Next backward call"].command is not None
    assert places["First NaN or Inf"].command is None
