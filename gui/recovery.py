"""Nothing typed is lost: keeps the journal of this window, and offers what windows before it have left."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from core import journal
from core.files import write_program, write_text
from core.folders import why_not
from core.journal import Buffer, Journal
from gui.i18n import Words
from gui.programs import is_example
from gui.settings import Said

if TYPE_CHECKING:
    from gui.app import App

LOOK: Final = 200
"""Milliseconds between two looks at what is unsaved."""


class Recovery:
    """Args:
    app: the window.
    folder: of the journals; None keeps nothing.

    Attributes:
        trouble: why nothing can be kept; '' where it can be.
    """

    def __init__(self, app: App, folder: Path | None) -> None:
        self._app = app
        self._journal: Journal | None = None
        self._waiting: tuple[Buffer, ...] = ()
        self._last: dict[str, Buffer] = {}
        self._opened, self._told = "", ""
        self._pending = ""
        self._closing: tuple[Buffer, ...] | None = None
        self.trouble = why_not(folder) if folder is not None else ""
        if folder is not None and not self.trouble:
            try:
                self._begin(folder)
            except OSError as error:
                self.trouble = error.strerror or str(error)

    def _begin(self, folder: Path) -> None:
        """Takes over what was left, into a journal of this window's own, before the others are taken away."""
        self._journal = Journal(folder)
        left = journal.left_behind(folder)
        self._waiting = left.buffers
        self._journal.keep(self._waiting)
        if self._journal.flush():
            left.forget()
        if left.damaged:
            names = ", ".join(left.damaged)
            self._app.banner.show("damaged", "recovery.damaged", name=names)
        self._pending = self._app.after(LOOK, self._look)

    def say(self, settings: Said) -> None:
        """Says at the start what will not be kept, in one line: of the settings, of unsaved texts, or of both."""
        key, facts = settings or ("", {})
        if self.trouble:
            key, facts = "recovery.neither" if key == "error.settings" else "recovery.none", {"reason": self.trouble}
        if key:
            self._app.banner.show("kept", key, **facts)

    # ── While the window runs ─────────────────────────────────────────────────────────────────────────────────────

    def _look(self) -> None:
        self._pending = self._app.after(LOOK, self._look)
        self._keep()

    def _keep(self) -> None:
        if self._journal is None:
            return
        self._journal.keep((*self._waiting, *self._unsaved()))
        if self._app.session.file != self._opened:
            self._opened = self._app.session.file
            self._journal.opened(self._opened)
        if self._journal.trouble != self._told:
            self._told = self._journal.trouble
            if self._told:
                self._app.banner.show("journal", "recovery.trouble", reason=self._told)
            else:
                self._app.banner.hide("journal")

    def _unsaved(self) -> Iterator[Buffer]:
        session, lessons, editing = self._app.session, self._app.lessons, self._app.editing
        if editing.unsaved:
            yield self._dated(Buffer("draft", editing.editor.source, str(editing.path or "")))
        if not lessons.sheltering:
            if session.unsaved:
                yield self._dated(Buffer("program", session.source, session.file))
        elif lessons.walk is not None and lessons.walk.changed and not lessons.on_disk:
            yield self._dated(Buffer("lesson", session.source, str(lessons.path), lessons.walk.screen.id))

    def _dated(self, buffer: Buffer) -> Buffer:
        """With the time at which it was changed last."""
        before = self._last.get(buffer.kind)
        if before is None or msgspec.structs.replace(before, at=0.0) != buffer:
            before = self._last[buffer.kind] = msgspec.structs.replace(buffer, at=time.time())
        return before

    def elsewhere(self, path: str) -> bool:
        """Whether another window has this file open."""
        if self._journal is not None:
            with contextlib.suppress(OSError):
                return journal.elsewhere(self._journal, path)
        return False

    # ── What was left ─────────────────────────────────────────────────────────────────────────────────────────────

    def resume(self) -> bool:
        """Puts back what the reader was writing as they closed the window; False where there is nothing."""
        closed = [buffer for buffer in self._waiting if buffer.closed]
        if not closed:
            return False
        self._restore(closed[-1])
        self._app.told("recovery.back")
        return True

    def offer(self) -> None:
        """Says what else is there, one text after the other, the latest first."""
        if not self._waiting:
            self._app.banner.hide("recovery")
            return
        buffer = self._waiting[-1]
        deeds = {
            "recovery.restore": partial(self._restore, buffer),
            "recovery.save_as": partial(self._save_as, buffer),
            "recovery.discard": partial(self._forget, buffer),
        }
        more = len(self._waiting) - 1
        self._app.banner.show(
            "recovery", "recovery.offer" if not more else "recovery.offer_more", deeds, must=True, n=more,
            name=partial(_name, buffer), time=_clock(buffer.at),
        )  # fmt: skip

    def _restore(self, buffer: Buffer) -> None:
        """Into the editor, where it is unsaved; one undo brings what stands in the file."""
        app = self._app
        if not app.desk.may_leave():
            self.offer()
            return
        if buffer.kind == "draft":
            app.lessons.close()
            app.editing.restore(buffer.text, Path(buffer.path) if buffer.path else None)
        elif buffer.kind == "program":
            if not buffer.path or not app.desk.open(buffer.path):
                app.lessons.close()
                app.session.open_program("", buffer.path)
            app.editor.rewrite(buffer.text)
            app.session.edit(buffer.text)
        elif not self._in_lesson(buffer):
            self.offer()  # it can be saved; alone it would run without its lesson being asked about
            return
        self._forget(buffer)

    def _in_lesson(self, buffer: Buffer) -> bool:
        """Whether the program could be put back on its screen."""
        app = self._app
        if not app.lessons.open_file(Path(buffer.path)) or app.lessons.walk is None:
            return False
        ids = [screen.id for screen in app.lessons.walk.lesson.screens]
        if buffer.screen not in ids:
            return False
        app.lessons.go(ids.index(buffer.screen))
        app.editor.rewrite(buffer.text)
        app.session.edit(buffer.text)
        return True

    def _save_as(self, buffer: Buffer) -> None:
        """To a file of the reader's choice, without opening it."""
        app, lesson = self._app, buffer.kind == "draft"
        name = Path(buffer.path).name if buffer.path and buffer.kind != "lesson" else ""
        path = app.desk.ask_where(name or ("lesson.md" if lesson else "program.py"), ".md" if lesson else ".py")
        if path:
            try:
                (write_text if lesson else write_program)(Path(path), buffer.text)
            except (OSError, ValueError) as error:
                app.told("error.file_write", wrong=True, name=Path(path).name, reason=str(error))
            else:
                app.told("state.saved", name=Path(path).name)
                self._forget(buffer)
        self.offer()

    def _forget(self, buffer: Buffer) -> None:
        self._waiting = tuple(one for one in self._waiting if one is not buffer)
        self._keep()
        self.offer()

    # ── The window closes ─────────────────────────────────────────────────────────────────────────────────────────

    def on_signals(self) -> None:
        """The system ends the session, or a terminal that is closed: nobody is asked, and nothing is lost."""

        def end(number: int, frame: object) -> None:
            self._app.after(0, self._app.close)

        for name in ("SIGTERM", "SIGHUP", "SIGBREAK"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) != signal.SIG_IGN:  # as nohup has it
                signal.signal(number, end)

    def may_close(self) -> bool:
        """Whether the window may close: what is in no file yet waits for the next start, and nobody is asked; about
        what has a file of its own the reader is."""
        stays = tuple(
            msgspec.structs.replace(buffer, closed=buffer.kind != "lesson")
            for buffer in self._unsaved()
            if buffer.kind == "lesson" or not buffer.path or is_example(buffer.path)
        )
        kept = {buffer.kind for buffer in stays} if self._flushed(stays) else set()
        if "draft" not in kept and not self._app.editing.leave():
            return False
        if "program" not in kept and not self._app.desk.may_leave_program():
            return False
        self._closing = stays if kept else ()
        return True

    def _flushed(self, stays: tuple[Buffer, ...]) -> bool:
        if self._journal is None or not stays:
            return False
        self._journal.keep((*self._waiting, *stays))
        return self._journal.flush()

    def close(self) -> None:
        """The window ends. Where the reader was not asked, all that is unsaved stays."""
        if self._pending:
            self._app.after_cancel(self._pending)
        if self._journal is not None:
            stays = self._closing if self._closing is not None else tuple(self._unsaved())
            self._journal.keep((*self._waiting, *stays))
            self._journal.close()
            self._journal = None


def _name(buffer: Buffer, words: Words) -> str:
    """What a text is called."""
    if buffer.kind == "lesson":
        return words("recovery.screen", name=Path(buffer.path).name, screen=buffer.screen)
    key = "lesson.untitled" if buffer.kind == "draft" else "files.untitled"
    return Path(buffer.path).name or words(key)


def _clock(at: float) -> str:
    """When that was: today the time, else the day too."""
    then, now = time.localtime(at), time.localtime()
    return time.strftime("%H:%M" if then[:3] == now[:3] else "%Y-%m-%d %H:%M", then)
