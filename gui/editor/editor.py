"""The program: a code editor with line numbers, the line and expression that run, and what is wrong."""

from __future__ import annotations

import time
import tkinter as tk
import tkinter.font as tkfont
from collections.abc import Callable, Iterable

from core.records import Failure, Span
from gui.editor import code_keys
from gui.editor.editor_find import EditorFind
from gui.editor.gutter import Gutter, Signs
from gui.editor.highlight import COLOURS, Language, Place, read
from gui.editor.mistake import HERE, LINE, Mistake
from gui.editor.turn_note import TurnNote
from gui.exporting.exporter import Tell
from gui.theme import Look
from gui.widgets.toolkit import ctk

COLOUR_DELAY = 150
"""Milliseconds after the last change before the text is coloured."""

AT_ONCE = 400
"""Indices given to one call of Tk."""

LONGEST, LAST = 4000, 200
"""Characters of a line that are shown, and those at its end: Tk lays a line out anew, all of it, at every key."""

_GOING = {"Up", "Down", "Left", "Right", "Home", "End", "Prior", "Next"}
"""Keys that move the cursor."""


class Editor(tk.Frame):
    """Text with a gutter.

    Args:
        on_edit: called with the whole text after every change.
        on_place: called with the line, from 1, and the column, from 0, of a character that was clicked.
        language: what is written, 'python' or 'markdown'.
        tell: says what a paste has left out, or a line does not show.
    """

    def __init__(
        self, master: tk.Misc, *, on_edit: Callable[[str], None], on_place: Callable[[int, int], object],
        tell: Tell, language: Language = "python",
    ) -> None:  # fmt: skip
        super().__init__(master, borderwidth=0)
        self._tell = tell
        self._long: list[int] = []
        self._on_place = on_place
        self._on_edit = on_edit
        self._language: Language = language
        self._pending: dict[Callable[[], None], str] = {}
        self._took = 0  # milliseconds to colour the text
        self._partners: dict[Place, Place] = {}
        self._runs = 0
        # Only lines in sight count for the bar below: where it hid a long one by coming, it would come and go for ever.
        self._settled, self._wide = False, 0
        self._marks: tuple[int, Span | None, str] | None = None
        self._failure: Failure | None = None
        self.text = tk.Text(
            self, wrap="none" if language == "python" else "word", undo=True, maxundo=1000, autoseparators=True,
            borderwidth=0, highlightthickness=0,
            padx=6, pady=8, spacing1=2, spacing3=2, width=30, height=8, tabstyle="wordprocessor",
        )  # fmt: skip
        self.gutter = Gutter(self, self.text)
        self.scroll = ctk.CTkScrollbar(self, orientation="horizontal", command=self.text.xview, height=12)
        self.text.configure(yscrollcommand=self._scrolled, xscrollcommand=self._scrolled_across)
        self.grid_rowconfigure(1, weight=1)
        self.grid_columnconfigure(1, weight=1)
        self.gutter.grid(row=1, column=0, sticky="ns")
        self.text.grid(row=1, column=1, sticky="nsew")
        self.scroll.grid(row=2, column=0, columnspan=2, sticky="ew")
        self.text.tag_configure("beyond", elide=True)
        code_keys.bind(self.text, lambda: tell("editor.cleaned"))
        self.find = EditorFind(self, self.text, self._place)
        self.mistake = Mistake(self.text, self._place)
        self.turn = TurnNote(self.text)
        self._bind()

    def _bind(self) -> None:
        self.text.bind("<<Modified>>", self._modified)
        self.text.bind("<ButtonRelease-1>", self._clicked)
        self.text.bind("<Configure>", self._resized)
        self.text.bind("<Escape>", self._escaped)
        self.gutter.bind("<Motion>", self._gutter_pointed_at)
        self.gutter.bind("<Leave>", lambda event: self.mistake.tip.hide())
        # A tag ahead of the others hears of every key, whichever of them ends it.
        ahead = f"ahead{self.text}"
        self.text.bindtags((ahead, *self.text.bindtags()))
        self.bind_class(ahead, "<Key>", self._key_pressed)
        for sequence in ("<Button>", "<B1-Motion>", "<ButtonRelease>"):
            self.bind_class(ahead, sequence, lambda event: self._soon(self._cursor_moved))

    def _resized(self, event: tk.Event[tk.Misc]) -> None:
        self._settled = self._settled and event.width == self._wide
        self._wide = event.width
        self._soon(self._draw_gutter)

    # ── What is shown ─────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def source(self) -> str:
        return self.text.get("1.0", "end-1c")

    def show(self, source: str) -> None:
        """Another program; the undo history begins anew."""
        if source == self.source:
            return
        self.mistake.mark(None)
        self.text.delete("1.0", "end")
        self.text.insert("1.0", source)
        self._shorten(source)
        self._marks = None
        self.text.edit_reset()
        self.text.mark_set("insert", "1.0")
        self._colour()

    def rewrite(self, source: str) -> None:
        """The program changed by other means than the keyboard; one undo brings it back."""
        place, seen = self.text.index("insert"), self.text.yview()[0]
        with code_keys.one_undo(self.text):
            self.text.replace("1.0", "end-1c", source)
        self.text.mark_set("insert", place)
        self.text.yview_moveto(seen)
        self._colour()

    def mark(self, line: int, span: Span | None, turn: str = "") -> None:
        """The line that runs, the exact expression, and the turn it is in; 0, None and '' for none of them."""
        if (line, span, turn) == self._marks:
            return
        self._marks = line, span, turn
        for tag in ("line", "span"):
            self.text.tag_remove(tag, "1.0", "end")
        self._runs = line
        if line:
            self.text.tag_add("line", f"{line}.0", f"{line + 1}.0")
        if span is not None and span[0]:
            self.text.tag_add("span", self._place(span[0], span[1]), self._place(span[2], span[3]))
        seen = span[0] if span is not None and span[0] else line
        if seen:
            self.text.see(f"{seen}.0")
        self.turn.show(seen, turn, "running_line" if seen == line else "panel")
        self._soon(self._draw_gutter)

    def blame(self, failure: Failure | None, source: str) -> None:
        """Underlines where a run of ``source`` failed, until that line is edited; None where none did."""
        if failure is self._failure:
            return
        self._failure = failure
        line = failure.line if failure is not None else 0
        same = line > 0 and source.split("\n")[line - 1 : line] == [self.text.get(f"{line}.0", f"{line}.end")]
        self.mistake.mark(failure if same else None)
        if same:
            self.text.see(f"{line}.0")
        self._soon(self._draw_gutter)

    def select_line(self, line: int) -> None:
        """Selects a line, and gives the editor the keyboard."""
        self.text.tag_remove("sel", "1.0", "end")
        self.text.tag_add("sel", f"{line}.0", f"{line}.end")
        self.text.mark_set("insert", f"{line}.0")
        self.text.see(f"{line}.0")
        self.text.focus_set()
        self._cursor_moved()

    def dress(self, look: Look) -> None:
        font = look.font(12, mono=True)
        self.configure(background=look["panel"])
        self.turn.dress(look)
        self.text.configure(
            background=look["panel"], foreground=look["text"], insertbackground=look["text"],
            selectbackground=look["running_span"], selectforeground=look["text"], font=font,
            inactiveselectbackground=look["running_span"], insertwidth=look.px(2),
            tabs=(tkfont.Font(self, font).measure(" ") * 4,),
        )  # fmt: skip
        self.text.configure(padx=look.px(6), pady=look.px(8), spacing1=look.px(2), spacing3=look.px(2))
        self.scroll.configure(
            fg_color=look["panel"], bg_color=look["panel"], button_color=look["button_hover"],
            button_hover_color=look["edge"],
        )  # fmt: skip
        self.text.tag_configure("line", background=look["running_line"])
        self.text.tag_configure("span", background=look["running_span"], underline=True)
        self.text.tag_configure("bracket", background=look["button_hover"])
        for colour in set(COLOURS.values()):
            self.text.tag_configure(colour, foreground=look[colour])
        for part in (self.gutter, self.find, self.mistake):
            part.dress(look)
        for tag in ("line", LINE, "bracket", "match", "span", HERE, "sel", "match_now"):
            self.text.tag_raise(tag)
        self._soon(self._draw_gutter)

    def destroy(self) -> None:
        for pending in self._pending.values():
            self.after_cancel(pending)
        super().destroy()

    def _place(self, line: int, column: int) -> str:
        # Tk 8.6 counts characters beyond the basic plane twice.
        text = self.text.get(f"{line}.0", f"{line}.end")
        if len(text) == int(self.text.index(f"{line}.end").split(".")[1]):
            return f"{line}.{column}"
        return f"{line}.{column + sum(ord(char) > 0xFFFF for char in text[:column])}"

    def _place_of(self, index: str) -> Place:
        line = int(self.text.index(index).split(".")[0])
        return line, len(self.text.get(f"{line}.0", index))

    # ── Editing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _modified(self, event: tk.Event[tk.Misc]) -> None:
        if not self.text.edit_modified():
            return
        self.text.edit_modified(False)
        self._settled = False
        source = self.source
        self._shorten(source)
        self._on_edit(source)
        self.mistake.edited()
        self.mistake.tip.hide()
        self.text.tag_remove("bracket", "1.0", "end")
        self._partners = {}
        self._soon(self._draw_gutter)
        self._soon(self._colour, max(COLOUR_DELAY, 2 * self._took))

    def _key_pressed(self, event: tk.Event[tk.Misc]) -> None:
        self._soon(self._cursor_moved)
        if event.keysym in _GOING:
            self._soon(self.mistake.tell_at_cursor)

    def _cursor_moved(self) -> None:
        self._pair_brackets()
        self._soon(self._draw_gutter)

    def _clicked(self, event: tk.Event[tk.Misc]) -> None:
        if not self.text.tag_ranges("sel"):
            self._on_place(*self._place_of("current"))

    def _escaped(self, event: tk.Event[tk.Misc]) -> str | None:
        """Ends the first of what can be ended; the last is to be in the editor."""
        if self.mistake.tip.winfo_manager():
            self.mistake.tip.hide()
        elif self.find.bar.opened:
            self.find.bar.close()
        else:
            self.winfo_toplevel().focus_set()
            return None
        return "break"

    def _pair_brackets(self) -> None:
        """The bracket behind the cursor, or before it, and the one that belongs to it."""
        self.text.tag_remove("bracket", "1.0", "end")
        line, column = self._place_of("insert")
        for place in ((line, column), (line, column - 1)):
            partner = self._partners.get(place)
            if partner is not None:
                for at in (place, partner):
                    self.text.tag_add("bracket", self._place(*at))
                return

    def _colour(self) -> None:
        self._forget(self._colour)
        began, source = time.monotonic(), self.source
        reading = read(source, self._language)
        wide = {number for number, line in enumerate(source.split("\n"), 1) if max(line, default="") > "\uffff"}

        def indices(places: Iterable[tuple[Place, Place]]) -> list[str]:
            return [self._place(*at) if at[0] in wide else f"{at[0]}.{at[1]}" for pair in places for at in pair]

        for colour in set(COLOURS.values()):
            self.text.tag_remove(colour, "1.0", "end")
        for colour, places in reading.ranges.items():
            found = indices(places)
            for begin in range(0, len(found), AT_ONCE):
                self.text.tag_add(colour, *found[begin : begin + AT_ONCE])
        self._partners = reading.partners
        self._pair_brackets()
        self.find.edited()
        self._took = round(1000 * (time.monotonic() - began))

    def _shorten(self, source: str) -> None:
        """Shows long lines in part, before Tk has laid them out."""
        lines = source.split("\n") if len(source) > LONGEST else []
        long = [number for number, line in enumerate(lines, 1) if len(line) > LONGEST + LAST]
        if long or self._long:
            self.text.tag_remove("beyond", "1.0", "end")
            self.text.configure(wrap="none" if long or self._language == "python" else "word")
        for number in long:
            self.text.tag_add("beyond", f"{number}.{LONGEST}", f"{number}.end - {LAST} chars")
        if long and long != self._long:
            self._tell("editor.long", line=long[0], n=len(lines[long[0] - 1]), shown=LONGEST)
        self._long = long

    # ── The gutter ────────────────────────────────────────────────────────────────────────────────────────────────

    def _scrolled(self, first: float, last: float) -> None:
        self.mistake.tip.hide()
        self._soon(self._draw_gutter)

    def _scrolled_across(self, first: float, last: float) -> None:
        # Tk hands over strings, whatever the types say.
        self.scroll.set(float(first), float(last))
        if self._language == "python" and (float(first) > 0 or float(last) < 1):  # the other is wrapped
            self._settled = True
            self.scroll.grid()
        elif not self._settled:
            self.scroll.grid_remove()

    def _gutter_pointed_at(self, event: tk.Event[tk.Misc]) -> None:
        self.mistake.tell(self.gutter.line_at(event.y), 0, event.y)

    def _draw_gutter(self) -> None:
        cursor = int(self.text.index("insert").split(".")[0])
        self.gutter.show(Signs(cursor, self._runs, self.mistake.line))
        self.turn.follow()

    # ── Later ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _soon(self, command: Callable[[], None], delay: int = 0) -> None:
        """Does something once, when Tk has nothing else to do, or so many milliseconds after the last time asked."""
        if delay:
            self._forget(command)
        elif command in self._pending:
            return

        def do() -> None:
            self._pending.pop(command, None)
            command()

        self._pending[command] = self.after(delay, do) if delay else self.after_idle(do)

    def _forget(self, command: Callable[[], None]) -> None:
        if command in self._pending:
            self.after_cancel(self._pending.pop(command))
