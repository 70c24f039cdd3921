"""What keys do to the text of the program."""

from __future__ import annotations

import contextlib
import tkinter as tk
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from gui.editor.code_lines import cleaned, commented, dedented, home, indent_after, indented, pasted


def bind(text: tk.Text, on_cleaned: Callable[[], object]) -> None:
    """Gives a text the keys of a program's; ``on_cleaned`` is called where a paste leaves characters out."""
    text.bind("<Tab>", partial(_tab, text))
    for sequence in ("<Shift-Tab>", "<ISO_Left_Tab>"):
        with contextlib.suppress(tk.TclError):  # X11 has a name of its own for it, others do not know that
            text.bind(sequence, partial(_change_lines, text, dedented))
    text.bind("<Control-slash>", partial(_change_lines, text, commented))
    text.bind("<BackSpace>", partial(_backspace, text))
    for sequence in ("<Return>", "<KP_Enter>"):
        text.bind(sequence, partial(_newline, text))
    text.bind("<Home>", partial(_home, text, "tk::TextSetCursor"))
    text.bind("<Shift-Home>", partial(_home, text, "tk::TextKeySelect"))
    # A word is what one undo takes back; Tk would take back all that was typed since the cursor moved.
    text.bind("<space>", lambda event: text.edit_separator())
    text.bind("<<Paste>>", partial(_paste, text, on_cleaned))
    text.bind("<<PasteSelection>>", partial(_paste_selection, text, on_cleaned))


@contextmanager
def one_undo(text: tk.Text) -> Iterator[None]:
    """One undo takes back all that is changed within."""
    separate = text.cget("autoseparators")
    text.configure(autoseparators=False)
    text.edit_separator()
    try:
        yield
    finally:
        text.edit_separator()
        text.configure(autoseparators=separate)


def _write(text: tk.Text, written: str) -> None:
    """Puts a text in the place of what is selected, or at the cursor."""
    with one_undo(text):
        if text.tag_ranges("sel"):
            text.delete("sel.first", "sel.last")
        text.insert("insert", written)
    text.event_generate("<<Modified>>")  # at once: the editor shortens lines that Tk would take minutes to go through
    text.see("insert")


def _tab(text: tk.Text, event: tk.Event[tk.Misc]) -> str:
    if text.tag_ranges("sel"):
        return _change_lines(text, indented, event)
    column = len(text.get("insert linestart", "insert"))
    text.insert("insert", " " * (4 - column % 4))
    return "break"


def _change_lines(text: tk.Text, change: Callable[[Sequence[str]], list[str]], event: tk.Event[tk.Misc]) -> str:
    """The lines that are selected, or the one of the cursor, made anew."""
    chosen = bool(text.tag_ranges("sel"))
    first = int(text.index("sel.first" if chosen else "insert").split(".")[0])
    last = int(text.index("sel.last-1c" if chosen else "insert").split(".")[0])
    lines = text.get(f"{first}.0", f"{last}.end").split("\n")
    line, column = text.index("insert").split(".")
    longer = 0
    with one_undo(text):
        for number, (before, after) in enumerate(zip(lines, change(lines), strict=True), first):
            if before != after:
                text.replace(f"{number}.0", f"{number}.end", after)
                longer = len(after) - len(before) if number == int(line) else longer
    text.mark_set("insert", f"{line}.{max(0, int(column) + longer)}")
    if chosen:
        text.tag_add("sel", f"{first}.0", f"{last}.end")
    return "break"


def _backspace(text: tk.Text, event: tk.Event[tk.Misc]) -> str | None:
    """Between the left edge and the code, back to the indent before."""
    before = text.get("insert linestart", "insert")
    if text.tag_ranges("sel") or not before or before.strip(" "):
        return None
    text.delete(f"insert-{(len(before) - 1) % 4 + 1}c", "insert")
    return "break"


def _newline(text: tk.Text, event: tk.Event[tk.Misc]) -> str:
    at = "sel.first" if text.tag_ranges("sel") else "insert"
    _write(text, "\n" + indent_after(text.get(f"{at} linestart", at)))
    return "break"


def _home(text: tk.Text, go: str, event: tk.Event[tk.Misc]) -> str:
    line, before = text.get("insert linestart", "insert lineend"), text.get("insert linestart", "insert")
    text.tk.call(go, text, f"insert linestart + {home(line, len(before))}c")
    return "break"


def _paste(text: tk.Text, on_cleaned: Callable[[], object], event: tk.Event[tk.Misc]) -> str:
    with contextlib.suppress(tk.TclError):  # nothing to paste
        _write(text, _clean(text.clipboard_get(), on_cleaned))
    return "break"


def _paste_selection(text: tk.Text, on_cleaned: Callable[[], object], event: tk.Event[tk.Misc]) -> str | None:
    """What is selected anywhere, where the middle button was pressed; Tk's own would take it as it is."""
    if text.tk.getvar("tk::Priv(mouseMoved)"):  # the text was dragged
        return None
    with contextlib.suppress(tk.TclError):
        chosen = text.selection_get()
        with one_undo(text):
            text.insert(f"@{event.x},{event.y}", _clean(chosen, on_cleaned))
    return "break"


def _clean(text: str, on_cleaned: Callable[[], object]) -> str:
    clean = cleaned(text)
    if clean != text:
        on_cleaned()
    return pasted(clean)
