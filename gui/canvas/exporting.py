"""The picture as it stands, drawn in a thread to a file or to the clipboard."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.files import check_writable, write_whole
from core.layout import Cancelled, Direction
from core.records import Trace
from gui.canvas import clipboard
from gui.canvas.background import Background
from gui.picture.groups import Folding

SCALE = 2.0
"""Pixels for each unit of the picture."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What is on the screen: the arguments of ``export_picture``."""

    trace: Trace
    cursor: int
    folding: Folding
    direction: Direction
    theme: str
    colours: str
    lang: str


class Tell(Protocol):
    """Tells a text by its key; ``busy`` while it can be cancelled, ``wrong`` what went wrong."""

    def __call__(self, key: str, *, busy: bool = False, wrong: bool = False, **facts: object) -> None: ...


class Exporter:
    """Draws one picture at a time."""

    def __init__(self, widget: tk.Misc, tell: Tell) -> None:
        self._widget = widget
        self._tell = tell
        self._drawing: Background[float] | None = None

    @property
    def busy(self) -> bool:
        return self._drawing is not None

    def to_file(self, shown: Shown, path: Path) -> None:
        """Writes it; the file's ending says how."""
        try:
            check_writable(path)
        except OSError as error:
            self._tell("error.file_write", wrong=True, name=path.name, reason=error.strerror)
            return
        self._start(shown, path, write_whole, "export.saved", "error.file_write")

    def to_clipboard(self, shown: Shown) -> None:
        """Copies it as PNG."""
        try:
            copy = clipboard.find()
        except clipboard.Missing as missing:
            self._tell("error.clipboard_missing", wrong=True, command=str(missing))
            return
        self._start(shown, Path("picture.png"), lambda path, png: copy(png), "export.copied", "error.clipboard")

    def cancel(self) -> None:
        """The reader does not want to wait; what came of it is told when it has ended."""
        if self._drawing is not None:
            self._drawing.stop()
            self._tell("export.cancelling")

    def close(self) -> None:
        """The window closes."""
        if self._drawing is not None:
            self._drawing.cancel()
            self._drawing = None

    def _start(
        self, shown: Shown, path: Path, write: Callable[[Path, bytes], None], done_key: str, wrong_key: str
    ) -> None:
        if self._drawing is not None:
            self._tell("error.export_busy", wrong=True)
            return

        def draw(cancelled: Callable[[], bool], progress: Callable[[float], None]) -> float:
            from gui.export.order import Order
            from gui.export.writing import LINES, MOVING, export_picture

            kind = path.suffix.lower()
            order = Order(
                step="all" if kind in MOVING else shown.cursor, scale=SCALE, theme=shown.theme, colours=shown.colours,
                lang=shown.lang, direction=shown.direction, folding=shown.folding,
            )  # fmt: skip
            scale = export_picture(shown.trace, path, order, cancelled=cancelled, progress=progress, write=write)
            return SCALE if kind in LINES else scale

        def ended(scale: float) -> None:
            self._drawing = None
            if scale < SCALE:
                self._tell(f"{done_key}.smaller", name=path.name, scale=f"{scale:.2g}", wanted=f"{SCALE:g}")
            else:
                self._tell(done_key, name=path.name)

        def failed(error: BaseException) -> None:
            self._drawing = None
            if isinstance(error, Cancelled):
                self._tell("export.cancelled")
                return
            reason = (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
            self._tell(wrong_key, wrong=True, name=path.name, reason=reason)
            if not isinstance(error, OSError | ValueError | MemoryError):
                raise error

        def waiting() -> None:
            if not drawing.stopping:
                self._tell("export.drawing", busy=True, share=f"{drawing.done:.0%}")

        drawing = Background(self._widget, draw, on_done=ended, on_wait=waiting, on_error=failed)
        self._drawing = drawing
        waiting()
