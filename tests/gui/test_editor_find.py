"""Looking for a text in the program, driven by keys."""

from __future__ import annotations

import tkinter as tk

import pytest

from gui.editor.editor_find import matches
from gui.widgets.find import FindBar
from tests.gui.conftest import Window

SOURCE = "alpha = 1\nbeta = Alpha + 2\n\nprint(alpha)\n"


def look_for(window: Window, wanted: str, *, source: str = SOURCE, cursor: str = "1.0") -> FindBar:
    """Types into the bar of the editor, which is opened."""
    editor = window.app.editor
    window.app.session.open_program(source, "")
    window.settle()
    editor.text.mark_set("insert", cursor)
    window.key("<Control-f>", editor.text)
    bar = editor.find.bar
    assert bar.opened
    bar.entry.delete(0, "end")
    bar.entry.insert(0, wanted)
    window.key("<KeyRelease>", bar.entry._entry)
    return bar


def tagged(window: Window, tag: str) -> list[str]:
    text = window.app.editor.text
    places = list(map(str, text.tag_ranges(tag)))
    return places[::2]


def said(bar: FindBar) -> str:
    return str(bar.count.cget("text"))


def test_matches_are_found_in_any_letters_and_lines_by_number() -> None:
    assert matches("aA\n.a", "a") == [(1, 0, 1, 1), (1, 1, 1, 2), (2, 1, 2, 2)]
    assert matches("a.b", ".") == [(1, 1, 1, 2)]
    assert matches("a\nbc\n", ":2") == [(2, 0, 2, 2)]
    assert matches("a\nbc\n", ":99") == [(3, 0, 3, 0)]
    assert matches("x = 1\n", "y") == []


def test_all_matches_are_tinted_and_keys_go_through_them_and_around(window: Window) -> None:
    bar = look_for(window, "alpha", cursor="2.0")
    assert tagged(window, "match") == ["1.0", "2.7", "4.6"]
    assert tagged(window, "match_now") == ["2.7"]  # the first behind the cursor
    assert said(bar) == "2 of 3"
    for key, place in (("Return", "4.6"), ("F3", "1.0"), ("Shift-Return", "4.6"), ("Shift-F3", "2.7")):
        window.key(f"<{key}>", bar.entry._entry)
        assert tagged(window, "match_now") == [place]
    assert window.app.canvas.find_bar.opened is False


def test_escape_closes_and_selects_the_match_and_f3_goes_on_from_the_text(window: Window) -> None:
    text = window.app.editor.text
    bar = look_for(window, "alpha")
    window.key("<Return>", bar.entry._entry)
    window.key("<Escape>", bar.entry._entry)
    assert not bar.opened
    assert not tagged(window, "match")
    assert text.get("sel.first", "sel.last") == "Alpha"
    assert window.app.focus_get() is text
    window.key("<F3>", text)
    assert bar.opened
    assert tagged(window, "match_now") == ["4.6"]


def test_what_is_selected_is_looked_for(window: Window) -> None:
    editor = window.app.editor
    window.app.session.open_program(SOURCE, "")
    window.settle()
    editor.text.tag_add("sel", "1.0", "1.5")
    window.key("<Control-f>", editor.text)
    assert editor.find.bar.entry.get() == "alpha"
    assert said(editor.find.bar) == "1 of 3"


def test_an_edit_while_the_bar_is_open_is_searched_anew(window: Window) -> None:
    bar = look_for(window, "beta")
    window.app.editor.text.insert("1.0", "beta\n")
    window.wait_until(lambda: said(bar).endswith("of 2"))
    assert tagged(window, "match") == ["1.0", "3.0"]


def test_what_is_not_found_is_said_and_nothing_moves(window: Window) -> None:
    bar = look_for(window, "gamma")
    assert said(bar) == "not found"
    window.key("<Return>", bar.entry._entry)
    window.key("<Escape>", bar.entry._entry)
    assert window.app.editor.text.index("insert") == "1.0"


def test_control_l_goes_to_a_line(window: Window) -> None:
    text = window.app.editor.text
    window.app.session.open_program(SOURCE, "")
    window.settle()
    window.key("<Control-l>", text)
    bar = window.app.editor.find.bar
    assert bar.entry.get() == ":"
    window.key("<Key-4>")
    window.key("<KeyRelease-4>")
    assert bar.entry.get() == ":4"
    window.key("<Escape>", bar.entry._entry)
    assert text.get("sel.first", "sel.last") == "print(alpha)"


def test_control_f_finds_a_card_where_the_editor_has_not_the_keyboard(window: Window) -> None:
    window.key("<F5>", window.app.canvas)
    window.key("<Control-f>", window.app.canvas)
    assert window.app.canvas.find_bar.opened
    assert not window.app.editor.find.bar.opened


@pytest.mark.parametrize("width", [1440, 900, 660])
def test_the_bar_is_whole_and_covers_no_line(window: Window, width: int) -> None:
    tk.Tk.geometry(window.app, f"{width}x700+0+0")
    window.wait_until(lambda: window.app.winfo_width() == width)
    bar = look_for(window, "alpha")
    editor = window.app.editor
    assert bar.winfo_y() + bar.winfo_height() <= editor.text.winfo_y()
    right = bar.buttons[-1].winfo_x() + bar.buttons[-1].winfo_width()
    assert right <= bar.winfo_width() <= editor.winfo_width()
    assert bar.entry.winfo_width() >= 60
