"""The bar that looks for a card, driven by keys."""

from __future__ import annotations

import tkinter as tk

from gui.widgets.find import FindBar
from tests.gui import traces
from tests.gui.conftest import Window
from tests.gui.test_canvas import opened, seen, titled
from tests.gui.test_groups import loop


def look_for(window: Window, text: str) -> FindBar:
    """Types into the bar, which is opened."""
    window.key("<Control-f>")
    bar = window.app.canvas.find_bar
    assert bar.opened
    bar.entry.delete(0, "end")
    bar.entry.insert(0, text)
    window.key("<KeyRelease>", bar.entry._entry)
    return bar


def said(bar: FindBar) -> str:
    return str(bar.count.cget("text"))


def test_enter_and_f3_go_on_and_with_shift_back_and_around(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    bar = look_for(window, "b")
    assert app.canvas.picture is not None
    matches = list(app.canvas.picture.search("b"))
    count = len(matches)
    assert count >= 3
    at = 0
    assert app.selected == matches[0]
    for key, way in (("Return", 1), ("F3", 1), ("Down", 1), ("Shift-Return", -1), ("Shift-F3", -1), ("Up", -1),
                     ("Shift-F3", -1), ("F3", 1)):  # fmt: skip
        window.key(f"<{key}>", bar.entry._entry)
        at = (at + way) % count
        assert said(bar) == f"{at + 1} of {count}"
        assert app.selected == matches[at]


def test_what_is_not_found_is_said(window: Window) -> None:
    window.key("<F5>")
    bar = look_for(window, "nothing like it")
    assert said(bar) == "not found"
    for key in ("<Return>", "<F3>", "<Shift-F3>"):
        window.key(key, bar.entry._entry)
    assert said(bar) == "not found"
    assert window.app.selected is None
    bar.entry.delete(0, "end")
    window.key("<KeyRelease>", bar.entry._entry)
    assert said(bar) == ""


def test_escape_closes_and_keeps_what_was_found(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    bar = look_for(window, "3*a")
    found = app.selected
    assert found is not None
    window.key("<Escape>", bar.entry._entry)
    assert not bar.opened
    assert app.selected == found
    assert app.focus_get() is app.canvas
    window.key("<Return>")  # runs to it
    assert app.session.playback is not None
    assert app.session.playback.cursor == 12
    window.key("<F3>")  # the last text is looked for again
    assert bar.opened
    assert bar.entry.get() == "3*a"
    app.canvas.focus_force()
    window.key("<Escape>", app.canvas)
    assert not bar.opened
    window.key("<Escape>", app.canvas)
    assert app.selected is None


def test_keys_typed_into_the_finder_are_no_steps(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    before = app.session.playback
    window.key("<Control-f>")
    for key in ("<space>", "<Left>", "<Home>", "<Shift-Left>"):
        window.key(key, app.canvas.find_bar.entry._entry)
    assert app.session.playback == before


def test_what_is_found_in_a_folded_group_unfolds(window: Window) -> None:
    canvas = opened(window, loop(120))
    window.key("<End>")
    picture = canvas.picture
    assert picture is not None
    inside = next(card.id for card in picture.graph.cards if card.title.startswith("mul") and picture.group_of(card.id))
    assert picture.group_of(inside)
    bar = look_for(window, "mul")
    window.wait_until(lambda: not canvas.arranging)
    found = window.app.selected
    assert found is not None
    assert canvas.picture is not None
    assert not canvas.picture.group_of(found)
    assert seen(window, found)
    assert said(bar).startswith("1 of ")


def test_a_card_that_is_not_there_yet_is_said_to_come(window: Window) -> None:
    window.key("<space>")
    bar = look_for(window, "3*a**3")
    assert said(bar).endswith("· not run yet")
    window.key("<Escape>", bar.entry._entry)
    window.key("<Return>")
    assert seen(window, titled(window, "3*a**3").id)
    look_for(window, "3*a**3")
    assert "not run yet" not in said(bar)


def test_another_run_is_searched_anew(window: Window) -> None:
    window.key("<F5>")
    bar = look_for(window, "Q")
    assert said(bar) != "not found"
    opened(window, traces.chain(5))
    assert said(bar) == "not found"


def test_nothing_covers_the_bar_and_it_is_whole_on_a_narrow_canvas(window: Window) -> None:
    window.key("<F5>")
    bar = look_for(window, "b")
    canvas = window.app.canvas
    for size in (1440, 900, 700):
        tk.Tk.geometry(window.app, f"{size}x700+0+0")
        window.wait_until(lambda size=size: window.app.winfo_width() == size)
        window.settle()
        row = canvas._row
        assert bar.winfo_x() + bar.winfo_width() <= canvas.winfo_width()
        assert bar.winfo_x() + bar.winfo_width() <= row.winfo_x() or bar.winfo_y() >= row.winfo_y() + row.winfo_height()
        for button in bar.buttons:
            assert button.winfo_x() + button.winfo_width() <= bar.winfo_width()
