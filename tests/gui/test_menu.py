"""The menus, opened and driven by mouse and keys."""

from __future__ import annotations

import gc
import tkinter as tk

import pytest

from core.records import Cut
from gui.widgets.menu import PopUp
from tests.gui.conftest import Window
from tests.gui.test_canvas import middle, opened, titled
from tests.gui.test_cards import healed
from tests.gui.test_groups import loop


def right_click(window: Window, x: float, y: float) -> list[str]:
    """Opens the menu there; → its entries."""
    canvas = window.app.canvas
    place = {"rootx": canvas.winfo_rootx() + int(x), "rooty": canvas.winfo_rooty() + int(y)}
    canvas.event_generate("<ButtonPress-3>", x=int(x), y=int(y), **place)
    window.wait_until(window.app.menu.winfo_ismapped)
    canvas.event_generate("<ButtonRelease-3>", x=int(x), y=int(y), **place)
    assert (window.app.menu.winfo_rootx(), window.app.menu.winfo_rooty()) == tuple(place.values())
    return labels(window)


def labels(window: Window) -> list[str]:
    menu = window.app.menu
    last = menu.index("end")
    assert last is not None
    return [menu.entrycget(n, "label").strip() if menu.type(n) != "separator" else "" for n in range(last + 1)]


def choose(window: Window, label: str) -> None:
    """Goes down to the entry and presses Enter."""
    menu = window.app.menu
    place = labels(window).index(label)
    for _ in range(50):
        if menu.index("active") == place:
            break
        menu.event_generate("<Down>")
    assert menu.index("active") == place
    menu.event_generate("<Return>")
    window.wait_until(lambda: not menu.winfo_ismapped())
    window.settle()


def test_a_click_beside_the_menu_closes_it(window: Window) -> None:
    window.key("<F5>")
    menu = window.app.menu
    right_click(window, *middle(window, titled(window, "Q")))
    assert window.app.grab_current() is menu  # else a click elsewhere would not come to it
    menu.event_generate("<ButtonPress-1>", x=-30, y=-30)
    menu.event_generate("<ButtonRelease-1>", x=-30, y=-30)
    window.wait_until(lambda: not menu.winfo_ismapped())
    assert window.app.grab_current() is None
    right_click(window, *middle(window, titled(window, "Q")))
    menu.event_generate("<Escape>")
    window.wait_until(lambda: not menu.winfo_ismapped())


def test_all_uses_of_a_leaf_are_cut_from_its_menu(window: Window) -> None:
    window.key("<F5>")
    cursor = window.app.session.playback.cursor  # type: ignore[union-attr]
    right_click(window, *middle(window, titled(window, "a")))
    choose(window, "Cut all uses")
    assert window.worker.jobs[-1].what_if.cuts
    assert window.app.session.playback.cursor == cursor  # type: ignore[union-attr]


def test_the_menu_of_a_card(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    window.key("<End>")
    where = middle(window, titled(window, "b**2"))
    right_click(window, *where)
    choose(window, "Copy value")
    assert app.clipboard_get() == "[36, 16]"
    right_click(window, *where)
    choose(window, "Copy gradient")
    assert app.clipboard_get() == "[-1, -1]"
    right_click(window, *where)
    choose(window, "Select line 5")
    assert app.editor.text.get("sel.first", "sel.last") == "Q = 3*a**3 - b**2"
    right_click(window, *where)
    choose(window, "Run to here")
    assert app.session.playback is not None
    assert app.session.playback.cursor == 10
    right_click(window, *where)
    choose(window, "Cut all uses")
    assert window.worker.jobs[-1].what_if.cuts == (Cut("pow#4"),)
    right_click(window, *middle(window, titled(window, "b**2")))
    choose(window, "Undo the cut of all uses")
    assert window.worker.jobs[-1].what_if.cuts == ()


def test_the_menu_of_an_edge(window: Window) -> None:
    window.key("<F5>")
    found = right_click(window, *window.on_wire("b**2", "Q"))
    assert found[:2] == ["Cut this use", "Cut all uses of b**2"]
    choose(window, "Cut this use")
    assert window.worker.jobs[-1].what_if.cuts == (Cut("pow#4", "sub#5", 1),)
    right_click(window, *window.on_wire("b**2", "Q"))
    choose(window, "Undo this cut")
    assert window.worker.jobs[-1].what_if.cuts == ()


def test_the_menu_of_a_detach_heals_it(window: Window) -> None:
    window.worker.record = lambda job: healed("u * x")
    window.app.session.open_program(healed("u * x").source, "")
    window.settle()
    window.key("<F5>")
    window.key("<End>")
    right_click(window, *window.on_wire("y, u", "y.detach()"))
    choose(window, "Heal this detach")
    assert window.worker.jobs[-1].what_if.heals == ("#1",)


def test_the_menu_of_a_group_folds_it(window: Window) -> None:
    canvas = opened(window, loop(120))
    window.key("<End>")
    window.app.canvas.fit()
    before = canvas.picture
    assert before is not None
    place = next(n for n, unit in enumerate(before.units) if unit.group)
    left, top, right, bottom = before.rects[place]
    found = right_click(window, *window.on_screen((left + right) / 2, (top + bottom) / 2))
    assert found[0] == "Fold or unfold"
    choose(window, "Fold or unfold")
    window.wait_until(lambda: canvas.picture is not before and not canvas.arranging)
    assert canvas.picture is not None
    assert len(canvas.picture.rects) > len(before.rects)


def test_the_menu_of_the_ground(window: Window) -> None:
    app = window.app
    window.key("<F5>")
    app.canvas.event_generate("<Button-5>", x=10, y=10)
    found = right_click(window, 5, app.canvas.view.height - 60)
    assert found == ["Fit", "Find…", "Export…", "Copy picture"]
    choose(window, "Fit")
    assert app.canvas.view.sees_all
    right_click(window, 5, app.canvas.view.height - 60)
    choose(window, "Export…")
    assert app.exports.sheet.opened
    window.key("<Escape>")
    assert not app.exports.sheet.opened
    right_click(window, 5, app.canvas.view.height - 60)
    choose(window, "Find…")
    assert app.canvas.find_bar.opened


@pytest.mark.parametrize("key", ["<Menu>", "<Control-Return>"])
def test_the_menu_by_key_is_that_of_the_chosen_card(window: Window, key: str) -> None:
    app = window.app
    window.key("<F5>")
    app._clicked(app.canvas._hit_at(*middle(window, titled(window, "a"))))
    window.key(key, app.canvas)
    window.wait_until(app.menu.winfo_ismapped)
    assert "Select line 3" in labels(window)
    choose(window, "Run to here")
    assert app.session.playback is not None
    assert app.session.playback.cursor == 14
    # Shift+F10, which opens menus elsewhere, is a step back here.
    window.key("<Shift-F10>", app.canvas)
    assert not app.menu.winfo_ismapped()
    assert app.session.playback.cursor == 13


def by_key(window: Window, title: str, label: str) -> None:
    """Chooses a card by the arrows, and an entry of its menu, through the menu behind it where it stands there."""
    app, menu = window.app, window.app.menu
    picture = app.canvas.picture
    assert picture is not None
    for _ in picture.graph.cards:
        window.key("<Up>", app.canvas)
    for _ in picture.graph.cards:
        if app.selected is not None and picture.graph.cards[app.selected].title == title:
            break
        window.key("<Down>", app.canvas)
    window.key("<Control-Return>", app.canvas)
    window.wait_until(menu.winfo_ismapped)
    choose(window, label)


def test_a_use_is_cut_and_healed_by_key(window: Window) -> None:
    window.key("<F5>")
    by_key(window, "Q", "Cut its use of b**2")
    assert window.worker.jobs[-1].what_if.cuts == (Cut("pow#4", "sub#5", 1),)
    by_key(window, "Q", "Undo the cut of its use of b**2")
    assert window.worker.jobs[-1].what_if.cuts == ()
    window.worker.record = lambda job: healed("u * x")
    window.app.session.open_program(healed("u * x").source, "")
    window.settle()
    window.key("<F5>")
    window.key("<End>")
    by_key(window, "y.detach()", "Heal this detach")
    assert window.worker.jobs[-1].what_if.heals == ("#1",)


def test_control_q_ends_the_window_once_the_program_may_go(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    app, asked, closed = window.app, [], []

    def ask(title: str, text: str, **options: object) -> bool | None:
        asked.append(text)
        return None if len(asked) == 1 else False

    monkeypatch.setattr("tkinter.messagebox.askyesnocancel", ask)
    monkeypatch.setattr(app, "close", lambda: closed.append(True))
    app.editor.text.insert("1.0", "# work")
    window.settle()
    window.key("<Control-q>", app.editor.text)
    assert (len(asked), closed) == (1, [])
    window.key("<Control-q>", app.canvas)
    assert (len(asked), closed) == (2, [True])


@pytest.mark.parametrize(("size", "height"), [(100, 600), (200, 900), (200, 600)])
def test_menus_fit_a_low_screen(window: Window, monkeypatch: pytest.MonkeyPatch, size: int, height: int) -> None:
    """In columns where need be: Tk would leave the last entries below the screen."""
    app = window.app
    app.prefer(size=size)
    monkeypatch.setattr(PopUp, "winfo_screenheight", lambda menu: height)
    app.menu.fill(app.menus.main())
    for menu in (app.menu, *app.menu._children):
        menu.update_idletasks()
        assert menu.winfo_reqheight() <= height
        assert menu.winfo_reqwidth() <= 1024
        assert menu.index("end") is not None


def test_menus_leave_no_image_for_a_thread_to_delete(window: Window) -> None:
    """Tk would let the thread that happens to collect the garbage wait for the window."""
    app = window.app
    app.menu.fill(app.menus.main())
    images = app.tk.call("image", "names")
    gc.disable()
    try:
        app.menu.fill(app.menus.main())
        assert app.tk.call("image", "names") == images
    finally:
        gc.enable()


def test_a_narrow_row_shows_the_moment_whole_or_not_and_keeps_what_is_greyed(window: Window) -> None:
    app, bar = window.app, window.app.toolbar
    window.key("<F5>")
    window.key("<End>")
    shown = set()
    for width in (1440, 1250, 1100, 900, 800, 700):
        tk.Tk.geometry(app, f"{width}x600")
        window.wait_until(lambda width=width: bar.winfo_width() == width)  # type: ignore[misc]
        window.settle()
        assert bar.buttons["step"].cget("fg_color") == app.look["button"]
        shown.add(bool(bar.where.winfo_manager()))
        if bar.where.winfo_manager():
            assert bar.where.winfo_width() >= bar.where.winfo_reqwidth()
    assert True in shown
