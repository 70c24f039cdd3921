"""What other programs do to the file that is being written: changed, taken away, or not to be written to."""

from __future__ import annotations

import os
import tkinter as tk
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from core.files import read_for_editing
from core.lessons.shelf import read_text
from gui.canvas.background import Background
from gui.widgets.banner import Banner, Deed

if TYPE_CHECKING:
    from gui.app import App

Stamp = tuple[int, int, int]
"""When a file was written, its size, and which one it is."""


def watch(app: App) -> tuple[Outside, Outside]:
    """Has the files of the program and of a lesson that is being written looked after."""

    def rewrite(text: str) -> None:
        app.editor.rewrite(text)
        app.session.edit(text)

    program = Outside(app, app.banner, app.session, rewrite=rewrite, read=read_for_editing, save_as=app.desk.save_as)
    lesson = Outside(
        app, app.banner, app.editing, rewrite=app.editing.editor.rewrite, read=read_text, save_as=app.editing.save_as
    )
    app.desk.may_write, app.desk.unwritten = program.may_write, program.unwritten
    app.editing.may_write, app.editing.unwritten = lesson.may_write, lesson.unwritten
    app.desk.elsewhere = app.recovery.elsewhere
    app.session.listen(lambda change: program.forget() if change == "source" else None)
    return program, lesson


class Writing(Protocol):
    """A text in an editor and the file it belongs to.

    Attributes:
        file: '' for none of its own.
        source: the text as it stands.
        kept: what stands in the file, as far as is known; None where nothing does that could be read.
    """

    @property
    def file(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def kept(self) -> str | None: ...
    def stands(self, kept: str | None) -> object: ...


@dataclass(frozen=True)
class _Found:
    """What stands in a file now.

    Attributes:
        text: None where there is no file, or no text.
        stamp: None where there is no file.
    """

    file: str
    text: str | None
    stamp: Stamp | None


class Outside:
    """Looks at the file whenever the window gets the focus, and before it is written.

    Args:
        window: whose focus is watched.
        rewrite: puts a text into the editor, so that one undo takes it back.
        read: a file's text; raises OSError and ValueError.
        save_as: asks where else to write; a folder to begin with is given, '' for the file's own.
    """

    def __init__(
        self, window: tk.Misc, banner: Banner, writing: Writing, *, rewrite: Callable[[str], object],
        read: Callable[[Path], str], save_as: Callable[[str], object],
    ) -> None:  # fmt: skip
        self._window, self._banner, self._writing = window, banner, writing
        self._rewrite, self._read, self._save_as = rewrite, read, save_as
        self._seen: tuple[str, Stamp | None] = ("", None)
        self._before = ""
        self._looking: Background[_Found | None] | None = None
        window.bind("<FocusIn>", self._focused, add="+")

    def may_write(self) -> bool:
        """Whether the file stands as it is known; where it does not, the reader is asked what is to be done."""
        self._banner.hide("unwritten")
        found = self._look(self._writing.file, self._seen)
        return found is None or self._heard(found)

    def unwritten(self, path: Path, reason: str) -> None:
        """The file could not be written: another place is offered."""
        folder = "" if os.access(path.parent, os.W_OK) else str(Path.home())
        deeds = {"menu.save_as": partial(self._save_as, folder)}
        self._banner.show("unwritten", "error.file_write", deeds, name=path.name, reason=reason)

    def forget(self) -> None:
        """Another file is being written."""
        self._banner.hide("outside")
        self._banner.hide("unwritten")

    def close(self) -> None:
        """The window closes."""
        if self._looking is not None:
            self._looking.cancel()

    def _focused(self, event: tk.Event[tk.Misc]) -> None:
        file, seen, kept = self._writing.file, self._seen, self._writing.kept

        def looked(found: _Found | None) -> None:
            self._looking = None
            if found is not None and self._writing.kept is kept:  # else it was written meanwhile
                self._heard(found)

        if event.widget is self._window and file and self._looking is None:
            self._looking = Background(  # a drive that went away may take its time to say so
                self._window, lambda cancelled, progress: self._look(file, seen), on_done=looked,
                on_wait=lambda: None,
            )  # fmt: skip

    def _look(self, file: str, seen: tuple[str, Stamp | None]) -> _Found | None:
        """What stands in a file; None where that is what was seen last. Touches neither window nor editor."""
        if not file:
            return None
        try:
            there = os.stat(file)
        except FileNotFoundError:
            return _Found(file, None, None)
        except OSError:
            return None
        stamp = there.st_mtime_ns, there.st_size, there.st_ino
        if (file, stamp) == seen:
            return None
        try:
            return _Found(file, self._read(Path(file)), stamp)
        except FileNotFoundError:
            return _Found(file, None, None)
        except (OSError, ValueError):
            return _Found(file, None, stamp)

    def _heard(self, found: _Found) -> bool:
        """Says what has become of the file; False where it must not be written before the reader has chosen."""
        writing, name = self._writing, Path(found.file).name
        if found.file != writing.file:
            return True
        self._seen = found.file, found.stamp
        if found.text == writing.kept:
            return True
        if found.stamp is None:
            writing.stands(None)
            self._banner.show("outside", "outside.gone", name=name)
            return True
        if found.text == writing.source:
            writing.stands(found.text)
            self._banner.hide("outside")
            return True
        if found.text is not None and writing.source == writing.kept:
            self._load(found.text)
            self._banner.show("outside", "outside.loaded", {"outside.undo": partial(self._back, found)}, name=name)
            return True
        self._seen = found.file, None  # until the reader has chosen, each look finds it again
        deeds: dict[str, Deed] = {"outside.mine": partial(self._keep, found)}
        if found.text is not None:
            deeds["outside.theirs"] = partial(self._load, found.text)
        deeds["outside.copy"] = partial(self._save_as, "")
        self._banner.show("outside", "outside.changed", deeds, must=True, name=name)
        return False

    def _keep(self, found: _Found) -> None:
        """Mine goes on, and the next save writes it over theirs."""
        if found.file == self._writing.file:
            self._writing.stands(found.text)

    def _load(self, text: str) -> None:
        self._before = self._writing.source
        self._rewrite(text)
        self._writing.stands(text)

    def _back(self, found: _Found) -> None:
        """What stood in the editor before the file was loaded again."""
        if found.file == self._writing.file:
            self._rewrite(self._before)
            self._writing.stands(found.text)
