"""The program's file: opened, saved, and asked about before what is in no file goes."""

from __future__ import annotations

import tkinter as tk
import tkinter.filedialog
import tkinter.messagebox
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from core.files import read_for_editing, read_trace, write_program
from gui.exporting.exporter import Tell
from gui.i18n import Words
from gui.programs import is_example, remembered
from gui.session import Session

OPENED: Final = (".py", ".md", ".pullback")
"""Endings of the files that are opened when they are dropped."""


class Desk:
    """Moves programs between files and the session.

    Args:
        window: the dialogs' parent.
        session: whose program it is.
        tell: says what came of it.
        on_open: another program or trace is about to be shown.
        on_lesson: opens a lesson; False where it could not.
        sheltered: whether what is typed is kept by somebody else: a lesson keeps its programs.
        leave: asked first; False where a lesson that is being written stays.

    Attributes:
        recent: programs opened or saved lately, the last one first.
        words: in the reader's language.
        may_write: asked before the program's own file is written; what says no tells the reader why.
        unwritten: told of a file that could not be written, and why.
        elsewhere: whether another window has a file open.
    """

    def __init__(
        self, window: tk.Misc, session: Session, tell: Tell, *, on_open: Callable[[], object],
        on_lesson: Callable[[Path], bool], sheltered: Callable[[], bool], leave: Callable[[], bool],
    ) -> None:  # fmt: skip
        self._window, self._session, self._tell = window, session, tell
        self._on_open, self._on_lesson, self._sheltered, self._leave = on_open, on_lesson, sheltered, leave
        self.recent: tuple[str, ...] = ()
        self.words: Words
        self.may_write: Callable[[], bool] = lambda: True
        self.unwritten: Callable[[Path, str], object] = lambda path, reason: None
        self.elsewhere: Callable[[str], bool] = lambda path: False
        self._given_up: str | None = None

    def open(self, path: str | Path) -> bool:
        """Opens a program, a lesson (.md) or a recorded trace; what is wrong is said in the window, and False."""
        path = Path(path)
        kind = path.suffix.lower()
        try:
            if path.exists() and not (path.is_file() or path.is_dir()):
                raise ValueError("it is no file")  # a pipe would be waited for
            if kind == ".md":
                if not self._on_lesson(path):
                    return False
            elif kind == ".pullback":
                trace = read_trace(path)
                self._on_open()
                self._session.open_trace(trace)
            else:
                source = read_for_editing(path)
                self._on_open()
                self._session.open_program(source, str(path.absolute()))
                if self.elsewhere(self._session.file):
                    self._tell("files.elsewhere", wrong=True, name=path.name)
        except (OSError, ValueError) as error:
            self._tell("error.file", wrong=True, name=path.name, reason=_reason(error))
            if isinstance(error, FileNotFoundError):
                self.recent = tuple(other for other in self.recent if other != str(path.absolute()))
            return False
        self._given_up = None
        if not is_example(path):
            self.recent = remembered(self.recent, str(path.absolute()))
        return True

    def ask_open(self) -> None:
        """Lets the reader choose a file."""
        name = tkinter.filedialog.askopenfilename(
            parent=self._window, title=self.words("app.open"),
            filetypes=[(self.words("files.open"), "*.py *.pullback *.md"), ("*", "*")],
        )  # fmt: skip
        if name:
            self.leave_for(name)

    def leave_for(self, path: str | Path) -> bool:
        """Opens another program, once the present one may go; False where it is not opened."""
        return self.may_leave() and self.open(path)

    def take(self, paths: Sequence[str]) -> None:
        """Opens the first of some files that were dropped; the others, and what cannot be opened, are told."""
        able = [path for path in map(Path, paths) if path.suffix.lower() in OPENED and not path.is_dir()]
        if not able:
            first = Path(paths[0])
            self._tell("error.drop_folder" if first.is_dir() else "error.drop_kind", wrong=True, name=first.name)
        elif self.leave_for(able[0]) and len(paths) > 1:
            self._tell("files.first_of", name=able[0].name, n=len(paths) - 1)

    def may_leave(self) -> bool:
        """Whether what is being written may go: it is in its file, or the reader says what is to become of it."""
        return self._leave() and self.may_leave_program()

    def may_leave_program(self) -> bool:
        """The same of the program alone; what was given up once is not asked about again."""
        session = self._session
        if not session.unsaved or self._sheltered() or session.source == self._given_up:
            return True
        name = Path(session.path).name or self.words("files.untitled")
        question = self.words("files.unsaved", name=name)
        answer = tkinter.messagebox.askyesnocancel("Pullback", question, parent=self._window)
        if answer is None:
            return False
        self._given_up = None if answer else session.source
        return self.save() if answer else True

    def save(self) -> bool:
        """Writes the program to its file; asks for one where it has none of its own. False where it was not written."""
        file = self._session.file
        return self.save_as() if not file or is_example(file) else self._save_to(file)

    def save_as(self, folder: str = "") -> bool:
        """Writes the program to a file of the reader's choice."""
        path = self.ask_where(f"{Path(self._session.path).stem or 'program'}.py", folder=folder)
        return bool(path) and self._save_to(path)

    def ask_where(self, name: str, ending: str = ".py", folder: str = "") -> str:
        """Lets the reader choose a file to be written, such as ``name``; '' for none."""
        kind = "Python" if ending == ".py" else "Markdown"
        chosen = tkinter.filedialog.asksaveasfilename(
            parent=self._window, title=self.words("menu.save_as"), defaultextension=ending,
            filetypes=[(kind, f"*{ending}")], initialfile=name, initialdir=folder or None,
        )  # fmt: skip
        return str(Path(chosen).absolute()) if chosen else ""

    def _save_to(self, path: str) -> bool:
        if path == self._session.file and not self.may_write():
            return False
        try:
            write_program(Path(path), self._session.source)
        except (OSError, ValueError) as error:
            self.unwritten(Path(path), _reason(error))
            return False
        self._session.saved(path)
        self.recent = remembered(self.recent, path)
        self._tell("state.saved", name=Path(path).name)
        return True


def _reason(error: OSError | ValueError) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
