"""A lesson that is being written: its text in place of the program, the screen it makes in the panel above."""

from __future__ import annotations

import contextlib
import tkinter as tk
import tkinter.filedialog
import tkinter.messagebox
from collections.abc import Callable
from pathlib import Path
from typing import Final

from core import files
from core.lessons.checking import Fault, faults
from core.lessons.reading import LessonError, read_head
from core.lessons.records import FORMAT, Lesson
from core.lessons.shelf import named, read_draft, read_text
from core.lessons.walk import Walk
from core.limits import Limits
from core.records import Failure
from gui.canvas.background import Background
from gui.editor.editor import Editor
from gui.exporting.exporter import Tell
from gui.lesson.lessons import Lessons
from gui.programs import ASSETS, is_example
from gui.theme import Look
from gui.widgets.button import Button

PREVIEW_DELAY: Final = 250
"""Milliseconds after the last change before the text is read again."""
ROWS: Final = 4
"""Faults that are seen at once."""


class LessonEditing(tk.Frame):
    """The text of a lesson with what is wrong with it.

    Args:
        lessons: whose panel shows the screen the cursor stands in.
        tell: says what came of it.
        on_change: it has begun or ended, or there is something to save.

    Attributes:
        active: whether a lesson is being written.
        path: its file; None for one that has none yet.
        kept: what stands in its file; None where that is gone.
        found: what the last check has found; None before one, and after an edit.
        may_write: asked before its file is written; what says no tells the author why.
        unwritten: told of a file that could not be written, and why.
    """

    def __init__(self, master: tk.Misc, lessons: Lessons, *, tell: Tell, on_change: Callable[[], object]) -> None:
        super().__init__(master, borderwidth=0)
        self._lessons, self._tell, self._on_change = lessons, tell, on_change
        self._look: Look | None = None
        self.active = False
        self.path: Path | None = None
        self.found: tuple[Fault, ...] | None = None
        self.may_write: Callable[[], bool] = lambda: True
        self.unwritten: Callable[[Path, str], object] = lambda path, reason: None
        self._before: Path | None = None
        self.kept: str | None = ""
        self._lesson: Lesson | None = None
        self._wrong: LessonError | None = None
        self._checking: Background[tuple[Fault, ...]] | None = None
        self._reading = ""
        self.head = tk.Frame(self, borderwidth=0)
        self.title = tk.Label(self.head, anchor="w", borderwidth=0)
        self.done_button = Button(self.head, self.done, width=60, height=24)
        self.save_button = Button(self.head, self.save, width=60, height=24)
        self.check_button = Button(self.head, self.check, width=60, height=24)
        self.editor = Editor(
            self, on_edit=self._edited, on_place=lambda line, column: None, tell=tell, language="markdown"
        )
        self.list = tk.Text(
            self, height=1, width=30, wrap="word", borderwidth=0, highlightthickness=1, state="disabled",
            cursor="arrow", takefocus=True,
        )  # fmt: skip
        self.head.pack(side="top", fill="x")
        for button in (self.done_button, self.save_button, self.check_button):
            button.pack(side="right", padx=(4, 0))
        self.title.pack(side="left", fill="x", expand=True)
        self.list.pack(side="bottom", fill="x")
        self.editor.pack(side="top", fill="both", expand=True)
        for sequence in ("<KeyRelease>", "<ButtonRelease-1>"):
            self.editor.text.bind(sequence, lambda event: self._preview(), add="+")
        self.list.bind("<ButtonRelease-1>", lambda event: self._go(self.list.index(f"@{event.x},{event.y}")))
        self.list.bind("<Return>", lambda event: self._go("insert"))
        for key, move in (("<Up>", "insert - 1 line"), ("<Down>", "insert + 1 line")):
            self.list.bind(key, lambda event, move=move: self._move(move))  # type: ignore[misc]
        lessons.turned = self._turn

    # ── Beginning and ending ──────────────────────────────────────────────────────────────────────────────────────

    def begin(self) -> None:
        """Edits the lesson that is open."""
        if self.active or self._lessons.walk is None or self._lessons.path is None:
            return
        try:
            text = read_text(self._lessons.path)
        except (OSError, ValueError) as error:
            self._tell("lesson.bad", wrong=True, name=self._lessons.path.name, reason=str(error))
            return
        screen = self._lessons.walk.screen
        self._open(text, self._lessons.path, screen.line)

    def begin_new(self) -> None:
        """A new lesson, from the template in the reader's language."""
        assert self._look is not None
        if self._lessons.leave():
            template = ASSETS / "templates" / f"lesson.{self._look.words.language}.md"
            self._open(template.read_text(encoding="utf-8"), None, 1)

    def _open(self, text: str, path: Path | None, line: int) -> None:
        self._before = self._lessons.path if self._lessons.walk is not None else None
        self.path, self.kept, self.active, self.found, self._lesson = path, text, True, None, None
        self.editor.show(text)
        self.editor.text.mark_set("insert", f"{line}.0")
        self.editor.text.see(f"{line}.0")
        self._on_change()
        self._read()
        self.editor.text.focus_set()

    def restore(self, text: str, path: Path | None) -> None:
        """A text that was not saved: one undo brings what stands in its file, or in the template."""
        before: str | None = None
        if path is None:
            self.begin_new()
        else:
            with contextlib.suppress(OSError, ValueError):
                before = read_text(path)
            self._open(before or "", path, 1)
            self.kept = before
        self.editor.rewrite(text)
        self._read()

    def stands(self, kept: str | None) -> None:
        """What stands in its file now, whoever wrote it."""
        self.kept = kept
        self._show()
        self._on_change()

    @property
    def source(self) -> str:
        return self.editor.source

    @property
    def file(self) -> str:
        """Its own file; '' for none."""
        return str(self.path) if self.active and self.path is not None and not is_example(self.path) else ""

    @property
    def unsaved(self) -> bool:
        return self.active and self.source != self.kept

    def leave(self) -> bool:
        """Ends it, once what is unsaved is saved or given up; False where it goes on."""
        if not self.active:
            return True
        if self.unsaved:
            assert self._look is not None
            name = self.path.name if self.path is not None else self._look.words("lesson.untitled")
            question = self._look.words("files.unsaved", name=name)
            answer = tkinter.messagebox.askyesnocancel("Pullback", question, parent=self.winfo_toplevel())
            if answer is None or (answer and not self.save()):
                return False
        self.end()
        self._lessons.end_draft()
        self._on_change()
        return True

    def done(self) -> None:
        """Back to the lesson as a learner sees it."""
        if self.leave():
            place = self.path or self._before
            if place is None or not self._lessons.open_file(place):
                self._lessons.list()

    def end(self) -> None:
        """Stops what is under way; the window may be about to close."""
        self.active = False
        if self._checking is not None:
            self._checking.cancel()
            self._checking = None
        if self._reading:
            self.after_cancel(self._reading)
            self._reading = ""

    # ── Preview ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _edited(self, text: str) -> None:
        if self.active:
            self.found = None
            if self._reading:
                self.after_cancel(self._reading)
            self._reading = self.after(PREVIEW_DELAY, self._read)

    @property
    def _place(self) -> Path:
        """Where the lesson stands, or would stand."""
        language = self._look.words.language if self._look is not None else "en"
        return self.path or Path.cwd() / f"lesson.{language}.md"

    def _read(self) -> None:
        """Reads the text; what is wrong is underlined, and the panel keeps what could be read last."""
        self._reading = ""
        text = self.editor.source
        language = self._look.words.language if self._look is not None else "en"
        try:
            self._lesson, self._wrong = read_draft(text, self._place, language), None
        except OSError as error:
            self._wrong = LessonError(0, error.strerror or str(error))
        except LessonError as error:
            self._wrong = error
        wrong = self._wrong
        self.editor.blame(Failure("", wrong.message, max(1, wrong.line)) if wrong is not None else None, text)
        self._preview()
        self._show()
        self._on_change()

    def _preview(self) -> None:
        """The screen that the cursor stands in, answered as far as the cursor has come."""
        if not self.active:
            return
        line = int(self.editor.text.index("insert").split(".")[0])
        self._lessons.draft(_walk_to(self._lesson, line) if self._lesson is not None else None)

    def _turn(self, number: int) -> None:
        """The panel's arrows move the cursor."""
        if self._lesson is not None:
            self._to_line(self._lesson.screens[number].line)

    def _to_line(self, line: int) -> None:
        text = self.editor.text
        text.mark_set("insert", f"{line}.0")
        text.see(f"{line + 8}.0")
        text.see(f"{line}.0")
        text.focus_set()
        self._preview()

    # ── Checking ──────────────────────────────────────────────────────────────────────────────────────────────────

    def check(self) -> None:
        """Runs every check in a worker of its own; a lesson that is not trusted is asked about first."""
        self._read()
        if self._lesson is None or self._wrong is not None or self._checking is not None:
            return
        if not self._lessons.may_run():
            return
        lesson = self._lesson
        self._checking = Background(
            self, lambda stopped, progress: _check(lesson, stopped), on_done=self._checked, on_wait=lambda: None,
            on_error=self._failed,
        )  # fmt: skip
        self._show()

    def _checked(self, found: tuple[Fault, ...]) -> None:
        self._checking, self.found = None, found
        self._show()

    def _failed(self, error: BaseException) -> None:
        self._checking = None
        self._tell("error.failed", wrong=True, message=f"{type(error).__name__}: {error}")
        self._show()

    def _lines(self) -> list[tuple[int, str]]:
        """What is said below the text: lines of the lesson, and what is wrong there."""
        assert self._look is not None
        say = self._look.words
        if self._wrong is not None:
            return [(self._wrong.line, self._wrong.message)]
        if self._checking is not None:
            return [(0, say("lesson.checking"))]
        if self.found is None:
            return [(0, say("lesson.readable", n=len(self._lesson.screens) if self._lesson is not None else 0))]
        return [(fault.line, f"{fault.screen}: {fault.message}") for fault in self.found] or [
            (0, say("lesson.no_faults"))
        ]

    def _show(self) -> None:
        if self._look is None or not self.active:
            return
        lines = self._lines()
        bad = self._wrong is not None or bool(self.found)
        said = "\n".join(
            f"{self._look.words('error.mark', line=line)}: {text}" if line else text for line, text in lines
        )
        self.list.configure(state="normal", height=min(ROWS, len(lines) + any(len(text) > 60 for _, text in lines)))
        self.list.replace("1.0", "end", said)
        self.list.configure(state="disabled", foreground=self._look["wrong" if bad else "quiet"])
        self.check_button.configure(state="disabled" if self._wrong is not None or self._checking else "normal")
        mark = "• " if self.unsaved else ""
        name = self.path.name if self.path is not None else self._look.words("lesson.untitled")
        self.title.configure(text=f"{mark}{name}")

    def _go(self, index: str) -> str:
        """To the line of a fault."""
        lines = self._lines()
        number = int(self.list.index(index).split(".")[0]) - 1
        if number < len(lines) and lines[number][0]:
            self._to_line(lines[number][0])
        return "break"

    def _move(self, index: str) -> str:
        self.list.mark_set("insert", index)
        self.list.see("insert")
        self.list.tag_remove("chosen", "1.0", "end")
        self.list.tag_add("chosen", "insert linestart", "insert lineend")
        return "break"

    # ── Files ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def save(self) -> bool:
        """Writes the text to its file; asks for one where it has none of its own."""
        return self.save_as() if self.path is None or is_example(self.path) else self._save_to(self.path)

    def save_as(self, folder: str = "") -> bool:
        """Writes the text to a file of the author's choice."""
        assert self._look is not None
        language = named(self._place)[1] or self._look.words.language
        id_ = self._lesson.head.id if self._lesson is not None else "lesson"
        name = tkinter.filedialog.asksaveasfilename(
            parent=self.winfo_toplevel(), title=self._look.words("menu.save_as"), defaultextension=".md",
            filetypes=[("Markdown", "*.md")], initialfile=f"{id_}.{language}.md",
            initialdir=folder or None,
        )  # fmt: skip
        return bool(name) and self._save_to(Path(name).absolute())

    def _save_to(self, path: Path) -> bool:
        """Writes it; lessons that came with Pullback and those of a newer format are never written over."""
        if is_example(path) or _newer(path):
            self._tell("lesson.kept" if is_example(path) else "lesson.newer_kept", wrong=True, name=path.name)
            return False
        if path == self.path and not self.may_write():
            return False
        text = self.source
        try:
            files.write_text(path, text)
        except (OSError, ValueError) as error:
            self.unwritten(path, error.strerror if isinstance(error, OSError) and error.strerror else str(error))
            return False
        self.path, self.kept = path, text
        self._read()
        if self._lesson is not None and self._wrong is None:
            self._lessons.written(self._lesson)
        self._tell("state.saved", name=path.name)
        return True

    # ── Appearance ────────────────────────────────────────────────────────────────────────────────────────────────

    def dress(self, look: Look) -> None:
        self._look = look
        px = look.px
        for part in (self, self.head, self.title, self.list):
            part.configure(background=look["panel"])
        self.head.pack_configure(padx=px(16), pady=(px(8), px(4)))
        self.title.configure(foreground=look["quiet"], font=look.font(12))
        self.done_button.dress(look, look.words("lesson.leave"), primary=True, size=11)
        self.save_button.dress(look, look.words("menu.save"), size=11)
        self.check_button.dress(look, look.words("lesson.check"), size=11)
        self.list.configure(
            font=look.font(12), padx=px(8), pady=px(4), highlightbackground=look["panel"],
            highlightcolor=look["accent"],
        )  # fmt: skip
        self.list.tag_configure("chosen", background=look["button"])
        self.list.pack_configure(padx=px(8), pady=(px(2), px(6)))
        self.editor.dress(look)
        self._show()


def _walk_to(lesson: Lesson, line: int) -> Walk:
    """The screen of a line, its questions answered up to that line."""
    own = [(screen.line, number) for number, screen in enumerate(lesson.screens) if screen.line <= line]
    walk = Walk.of(lesson).at(max(own, default=(0, 0))[1])
    below = [at for at in walk.screen.lines if at <= line]
    while walk.question is not None and walk.question[0] < len(below) - 1:
        walk = walk.skip()
    return walk


def _check(lesson: Lesson, stopped: Callable[[], bool]) -> tuple[Fault, ...]:
    from core.client import Client
    from core.lessons.running import TIME_LIMIT, in_worker

    with Client(spare=False, limits=Limits(seconds=TIME_LIMIT)) as client:
        return tuple(faults(lesson, in_worker(client, stopped)))


def _newer(path: Path) -> bool:
    """Whether a file is there that a newer Pullback wrote."""
    try:
        return read_head(read_text(path)).format > FORMAT
    except (OSError, ValueError):
        return False
