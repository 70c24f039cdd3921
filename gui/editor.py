"""The program: a code editor with line numbers, the line and expression that run, and colours."""

from __future__ import annotations

import contextlib
import tkinter as tk
from collections.abc import Callable, Sequence
from functools import partial

from core.records import Span
from gui.code_lines import commented, dedented, indented
from gui.theme import Look
from gui.toolkit import ctk

COLOUR_DELAY = 150
"""Milliseconds after the last key before the text is coloured."""
COLOUR_LIMIT = 200_000
"""Characters above which a text is left plain."""

_COLOURS = {
    "Keyword": "code_keyword",
    "Operator.Word": "code_keyword",
    "Literal.String": "code_string",
    "Literal.Number": "code_number",
    "Comment": "code_comment",
    "Name.Builtin": "code_name",
    "Name.Decorator": "code_name",
}


class Editor(tk.Frame):
    """Text with a gutter.

    Args:
        on_edit: called with the whole text after every change.
        on_place: called with the line, from 1, and the column, from 0, of a character that was clicked.
    """

    def __init__(
        self, master: tk.Misc, *, on_edit: Callable[[str], None], on_place: Callable[[int, int], object]
    ) -> None:
        super().__init__(master, borderwidth=0)
        self._on_place = on_place
        self._on_edit = on_edit
        self._look: Look | None = None
        self._colouring = ""
        self._drawing = ""
        self._line = 0
        self._error_line = 0
        self._marks: tuple[int, Span | None, int] | None = None
        self.gutter = tk.Canvas(self, width=46, highlightthickness=0, borderwidth=0)
        self.text = tk.Text(
            self, wrap="none", undo=True, maxundo=1000, autoseparators=True, borderwidth=0, highlightthickness=0,
            padx=6, pady=8, spacing1=2, spacing3=2, width=30, height=8,
        )  # fmt: skip
        self.scroll = ctk.CTkScrollbar(self, orientation="horizontal", command=self.text.xview, height=12)
        self.text.configure(yscrollcommand=self._scrolled, xscrollcommand=self._scrolled_across)
        self.grid_rowconfigure(0, weight=1)
        self.grid_columnconfigure(1, weight=1)
        self.gutter.grid(row=0, column=0, sticky="ns")
        self.text.grid(row=0, column=1, sticky="nsew")
        self.scroll.grid(row=1, column=0, columnspan=2, sticky="ew")
        self.text.bind("<<Modified>>", self._modified)
        self.text.bind("<Tab>", self._tab)
        for sequence in ("<Shift-Tab>", "<ISO_Left_Tab>"):
            with contextlib.suppress(tk.TclError):  # X11 has a name of its own for it, others do not know that
                self.text.bind(sequence, partial(self._change_lines, dedented))
        self.text.bind("<Control-slash>", partial(self._change_lines, commented))
        self.text.bind("<BackSpace>", self._backspace)
        self.text.bind("<ButtonRelease-1>", self._clicked)
        self.text.bind("<Return>", self._newline)
        self.text.bind("<Configure>", lambda event: self._draw_soon())
        self.text.bind("<Escape>", lambda event: self.winfo_toplevel().focus_set())

    # ── What is shown ─────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def source(self) -> str:
        return self.text.get("1.0", "end-1c")

    def show(self, source: str) -> None:
        """Another program; the undo history begins anew."""
        if source == self.source:
            return
        self.text.delete("1.0", "end")
        self.text.insert("1.0", source)
        self._marks = None
        self.text.edit_reset()
        self.text.mark_set("insert", "1.0")
        self._colour()

    def rewrite(self, source: str) -> None:
        """The program changed by other means than the keyboard; one undo brings it back."""
        self.text.edit_separator()
        self.text.replace("1.0", "end-1c", source)
        self.text.edit_separator()
        self._colour()

    def mark(self, line: int, span: Span | None, error_line: int = 0) -> None:
        """The line that runs, the exact expression, and the line that failed; 0 and None for none of them."""
        marks = (line, span, error_line)
        if marks == self._marks:
            return
        self._marks = marks
        for tag in ("line", "span", "error"):
            self.text.tag_remove(tag, "1.0", "end")
        self._line, self._error_line = line, error_line
        if line:
            self.text.tag_add("line", f"{line}.0", f"{line + 1}.0")
        if span is not None and span[0]:
            self.text.tag_add("span", self._place(span[0], span[1]), self._place(span[2], span[3]))
        if error_line:
            self.text.tag_add("error", f"{error_line}.0", f"{error_line}.end")
        seen = error_line or (span[0] if span is not None and span[0] else line)
        if seen:
            self.text.see(f"{seen}.0")
        self._draw_soon()

    def select_line(self, line: int) -> None:
        """Selects a line, and gives the editor the keyboard."""
        self.text.tag_remove("sel", "1.0", "end")
        self.text.tag_add("sel", f"{line}.0", f"{line}.end")
        self.text.mark_set("insert", f"{line}.0")
        self.text.see(f"{line}.0")
        self.text.focus_set()

    def dress(self, look: Look) -> None:
        self._look = look
        self.configure(background=look["panel"])
        self.text.configure(
            background=look["panel"], foreground=look["text"], insertbackground=look["text"],
            selectbackground=look["running_span"], selectforeground=look["text"], font=look.font(12, mono=True),
            inactiveselectbackground=look["running_span"],
        )  # fmt: skip
        self.text.configure(padx=look.px(6), pady=look.px(8), spacing1=look.px(2), spacing3=look.px(2))
        self.gutter.configure(background=look["panel"], width=look.px(46))
        self.scroll.configure(
            fg_color=look["panel"], bg_color=look["panel"], button_color=look["button_hover"],
            button_hover_color=look["edge"],
        )  # fmt: skip
        self.text.tag_configure("line", background=look["running_line"])
        self.text.tag_configure("span", background=look["running_span"], underline=True)
        self.text.tag_configure("error", background=look["wrong_soft"], underline=True, underlinefg=look["wrong"])
        for colour in set(_COLOURS.values()):
            self.text.tag_configure(colour, foreground=look[colour])
        for tag in ("line", "error", "span", "sel"):
            self.text.tag_raise(tag)
        self._draw_soon()

    def destroy(self) -> None:
        for pending in (self._colouring, self._drawing):
            if pending:
                self.after_cancel(pending)
        super().destroy()

    def _place(self, line: int, column: int) -> str:
        # Tk 8.6 counts characters beyond the basic plane twice.
        text = self.text.get(f"{line}.0", f"{line}.end")
        if len(text) == int(self.text.index(f"{line}.end").split(".")[1]):
            return f"{line}.{column}"
        return f"{line}.{column + sum(ord(char) > 0xFFFF for char in text[:column])}"

    # ── Editing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _modified(self, event: tk.Event[tk.Misc]) -> None:
        if not self.text.edit_modified():
            return
        self.text.edit_modified(False)
        self._on_edit(self.source)
        self._draw_soon()
        if self._colouring:
            self.after_cancel(self._colouring)
        self._colouring = self.after(COLOUR_DELAY, self._colour)

    def _tab(self, event: tk.Event[tk.Misc]) -> str:
        if self.text.tag_ranges("sel"):
            return self._change_lines(indented, event)
        self.text.insert("insert", "    ")
        return "break"

    def _change_lines(self, change: Callable[[Sequence[str]], list[str]], event: tk.Event[tk.Misc]) -> str:
        """The lines that are selected, or the one of the cursor, made anew; one undo takes all of it back."""
        chosen = bool(self.text.tag_ranges("sel"))
        first = int(self.text.index("sel.first" if chosen else "insert").split(".")[0])
        last = int(self.text.index("sel.last-1c" if chosen else "insert").split(".")[0])
        lines = self.text.get(f"{first}.0", f"{last}.end").split("\n")
        line, column = self.text.index("insert").split(".")
        longer = 0
        separate = self.text.cget("autoseparators")
        self.text.configure(autoseparators=False)
        self.text.edit_separator()
        for number, (before, after) in enumerate(zip(lines, change(lines), strict=True), first):
            if before != after:
                self.text.replace(f"{number}.0", f"{number}.end", after)
                longer = len(after) - len(before) if number == int(line) else longer
        self.text.edit_separator()
        self.text.configure(autoseparators=separate)
        self.text.mark_set("insert", f"{line}.{max(0, int(column) + longer)}")
        if chosen:
            self.text.tag_add("sel", f"{first}.0", f"{last}.end")
        return "break"

    def _backspace(self, event: tk.Event[tk.Misc]) -> str | None:
        """Between the left edge and the code, back to the indent before."""
        before = self.text.get("insert linestart", "insert")
        if self.text.tag_ranges("sel") or not before or before.strip(" "):
            return None
        self.text.delete(f"insert-{(len(before) - 1) % 4 + 1}c", "insert")
        return "break"

    def _clicked(self, event: tk.Event[tk.Misc]) -> None:
        if not self.text.tag_ranges("sel"):
            line, column = map(int, self.text.index("current").split("."))
            before = self.text.get(f"{line}.0", f"{line}.{column}")
            self._on_place(line, len(before))

    def _newline(self, event: tk.Event[tk.Misc]) -> str:
        """A new line indented as the one before."""
        before = self.text.get("insert linestart", "insert")
        indent = before[: len(before) - len(before.lstrip())]
        self.text.insert("insert", "\n" + indent + ("    " if before.rstrip().endswith(":") else ""))
        self.text.see("insert")
        return "break"

    def _colour(self) -> None:
        """Colours of the whole text, from pygments."""
        if self._colouring:
            self.after_cancel(self._colouring)
        self._colouring = ""
        source = self.source
        for colour in set(_COLOURS.values()):
            self.text.tag_remove(colour, "1.0", "end")
        if len(source) > COLOUR_LIMIT:
            return
        from pygments.lexers.python import PythonLexer

        ranges: dict[str, list[str]] = {}
        line, column = 1, 0
        for kind, part in PythonLexer(stripnl=False, ensurenl=False).get_tokens(source):
            start = f"{line}.{column}"
            breaks = part.count("\n")
            line += breaks
            column = len(part) - part.rfind("\n") - 1 if breaks else column + len(part)
            name = str(kind).removeprefix("Token.")
            known = next((tag for prefix, tag in _COLOURS.items() if name.startswith(prefix)), None)
            if known and part.strip():
                ranges.setdefault(known, []).extend((start, f"{line}.{column}"))
        for colour, places in ranges.items():
            for begin in range(0, len(places), 400):
                self.text.tag_add(colour, *places[begin : begin + 400])

    # ── The gutter ────────────────────────────────────────────────────────────────────────────────────────────────

    def _scrolled(self, first: float, last: float) -> None:
        self._draw_soon()

    def _scrolled_across(self, first: float, last: float) -> None:
        # Tk hands over strings, whatever the types say.
        self.scroll.set(float(first), float(last))
        if float(first) <= 0 and float(last) >= 1:
            self.scroll.grid_remove()
        else:
            self.scroll.grid()

    def _draw_soon(self) -> None:
        if not self._drawing:
            self._drawing = self.after_idle(self._draw_gutter)

    def _draw_gutter(self) -> None:
        self._drawing = ""
        look = self._look
        if look is None:
            return
        self.gutter.delete("all")
        index = self.text.index("@0,0")
        last = int(self.text.index("end-1c").split(".")[0])
        while True:
            place = self.text.dlineinfo(index)
            line = int(index.split(".")[0])
            if place is None or line > last:
                break
            y = place[1] + place[3] / 2
            failed, runs = line == self._error_line, line == self._line
            if runs or failed:
                colour = look["wrong_soft" if failed else "running_line"]
                self.gutter.create_rectangle(0, place[1], look.px(60), place[1] + place[3], fill=colour, width=0)
                sign = "✗" if failed else "▸"
                self.gutter.create_text(
                    look.px(40), y, text=sign, fill=look["wrong" if failed else "grad"], font=look.font(11)
                )
            number = look["text" if runs or failed else "quiet"]
            self.gutter.create_text(
                look.px(30), y, text=str(line), anchor="e", fill=number, font=look.font(11, mono=True)
            )
            following = self.text.index(f"{line + 1}.0")
            if following == index or line >= last:
                break
            index = following
