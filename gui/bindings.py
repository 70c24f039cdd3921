"""Which key does what in the window."""

from __future__ import annotations

import contextlib
import tkinter as tk
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from core import jumps
from gui.shortcuts import MAC, pressed
from gui.viewer import subjects

if TYPE_CHECKING:
    from gui.app import App

Deed = Callable[[], object]


def anywhere(app: App) -> dict[str, Deed]:
    """Keys that do the same wherever the keyboard is."""
    return {
        "<F1>": app.keys_sheet.toggle,
        "<F2>": app.lessons.list,
        "<F4>": app.lessons.onward,
        "<Shift-F4>": app.lessons.backward,
        "<F3>": app.canvas.find_next,
        "<Shift-F3>": app.canvas.find_previous,
        "<F5>": app.run,
        "<Control-F5>": app.session.run_live,
        "<Shift-F5>": app.session.stop,
        "<F9>": app.projector.toggle,
        "<F10>": app.step,
        "<Shift-F10>": app.session.back,
        "<F11>": app.stepping.into,
        "<Shift-F11>": app.stepping.out,
        "<Control-Key-0>": app.canvas.fit,
        "<Control-KP_0>": app.canvas.fit,
        "<Control-f>": app.find,
        "<Control-e>": app.exports.open,
        "<Control-o>": app.desk.ask_open,
        "<Control-s>": app.save,
        **_shifted("s", app.save_as),
        "<Control-q>": app.ask_close,
        **_shifted("c", app.exports.copy),
        "<Escape>": app.escape,
        **({} if MAC else {"<Alt-f>": app.open_menu}),  # there Option types letters
    }


def outside_text(app: App) -> dict[str, Deed]:
    """Keys that belong to a text while one is written."""
    return {
        "<space>": app.step,
        "<Right>": app.step,
        "<Left>": app.session.back,
        "<Home>": app.session.home,
        "<End>": app.session.end,
        "<p>": app.player.toggle,
        "<v>": partial(app.view, subjects.values),
        "<V>": partial(app.view, subjects.gradients),
        "<e>": app.edit_seed,
        "<Control-Right>": partial(app.actions.jump, jumps.next_call),
        "<Control-Left>": partial(app.actions.jump, jumps.previous_call),
        "<Control-z>": app.session.undo,
        "<Control-y>": app.session.redo,
        **_shifted("z", app.session.redo),
    }


def bind(app: App) -> None:
    """Binds every key to the window."""
    _free_text_keys(app)
    if MAC:
        app.createcommand("::tk::mac::Quit", app.ask_close)  # else Command+Q would ask for nothing
        app.createcommand("::tk::mac::OpenDocument", lambda *paths: app.desk.take(paths))
    for sequence, deed in anywhere(app).items():
        app.bind(pressed(sequence), partial(_do, deed))
    for sequence, deed in outside_text(app).items():
        app.bind(pressed(sequence), partial(_do_outside, app, deed))


def typing(app: App) -> bool:
    """Whether the keys belong to a text that is being written."""
    focus = app.focus_get()
    return isinstance(focus, tk.Entry) or (isinstance(focus, tk.Text) and str(focus.cget("state")) == "normal")


def _shifted(letter: str, deed: Deed) -> dict[str, Deed]:
    """With Control and Shift; the small letter arrives while Caps Lock is on."""
    return {f"<Control-Shift-Key-{key}>": deed for key in (letter.upper(), letter)}


def _free_text_keys(app: App) -> None:
    """Takes from Tk's texts the keys that mean something else here."""
    if app.tk.call("tk", "windowingsystem") == "x11":  # where Tk goes to the beginning of the line, and pastes
        for letter, before, after in (("a", "<<LineStart>>", "<<SelectAll>>"), ("y", "<<Paste>>", "<<Redo>>")):
            for sequence in (f"<Control-Key-{letter}>", f"<Control-Lock-Key-{letter.upper()}>"):
                app.event_delete(before, sequence)
                app.event_add(after, sequence)
    for sequence, way in (("Tab", "Next"), ("Shift-Tab", "Prev"), ("ISO_Left_Tab", "Prev")):
        with contextlib.suppress(tk.TclError):  # ISO_Left_Tab is unknown elsewhere
            for editor in (app.editor, app.editing.editor):
                editor.text.bind(f"<Control-{sequence}>", partial(_leave, way))
    # The editor's text would take Ctrl+F, Ctrl+E and Ctrl+O for movements of its own.
    for sequence in ("<Control-f>", "<Control-e>", "<Control-o>"):
        app.unbind_class("Text", sequence)


def _leave(way: str, event: tk.Event[tk.Misc]) -> str:
    """Out of a text in which Tab indents."""
    call = event.widget.tk.call
    call("tk::TabToWindow", call(f"tk_focus{way}", event.widget))
    return "break"


def _do(deed: Deed, event: tk.Event[tk.Misc]) -> str:
    deed()
    return "break"


def _do_outside(app: App, deed: Deed, event: tk.Event[tk.Misc]) -> str | None:
    return None if typing(app) else _do(deed, event)
