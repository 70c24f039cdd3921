"""What is exported from the window: worked out in a thread, written to a file or put on the clipboard."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from core.client import Client
from core.files import check_writable, write_whole
from core.layout import Cancelled
from core.lessons.records import Lesson
from core.lessons.running import Abandoned, in_worker
from core.records import Trace
from gui.canvas.background import Background
from gui.exporting import clipboard

if TYPE_CHECKING:
    from gui.export.knowledge import Knowledge
    from gui.export.order import Order


@dataclass(frozen=True, eq=False)
class Shown:
    """What is on the screen.

    Attributes:
        order: how the picture looks there, at the moment that is shown.
        known: the Jacobians that the window knows.
        askable: whether the program may be run again for those that it does not know.
        written: the run without what-ifs, where there are some.
        lesson: the one that is open, and whether its programs may run.
        seen, chosen: cards in sight, and those that the reader has marked, or chosen and what they are joined with.
        pass_: the backward call that is shown; None in the forward pass.
    """

    trace: Trace
    order: Order
    known: Knowledge
    askable: bool = False
    written: Trace | None = None
    lesson: tuple[Lesson, bool] | None = None
    seen: frozenset[int] = field(default_factory=frozenset)
    chosen: frozenset[int] = field(default_factory=frozenset)
    pass_: int | None = None

    def part(self, name: str) -> frozenset[int]:
        """The cards of a part of the picture."""
        return self.seen if name == "seen" else self.chosen


class Tell(Protocol):
    """Tells a text by its key; ``busy`` while it can be cancelled, ``wrong`` what went wrong."""

    def __call__(self, key: str, *, busy: bool = False, wrong: bool = False, **facts: object) -> None: ...


class Exporter:
    """Works out one thing at a time.

    Args:
        worker: starts what runs programs; programs may be run again for what they were not asked yet.
    """

    def __init__(self, widget: tk.Misc, tell: Tell, worker: Callable[[], Client]) -> None:
        self._widget, self._tell, self._worker = widget, tell, worker
        self._drawing: Background[float] | None = None

    @property
    def busy(self) -> bool:
        return self._drawing is not None

    def to_file(self, shown: Shown, order: Order, path: Path, product: str = "") -> None:
        """Writes a product, in the words of ``gui.export.products``; without one, the file's ending says which."""
        try:
            check_writable(path)
        except OSError as error:
            self._tell("error.file_write", wrong=True, name=path.name, reason=error.strerror)
            return
        self._start(shown, order, path, product, write_whole, "export.saved", "error.file_write")

    def to_clipboard(self, shown: Shown, order: Order) -> None:
        """Copies the picture as PNG."""

        def put(path: Path, png: bytes) -> None:
            clipboard.put(png)

        self._start(shown, order, Path("picture.png"), "picture", put, "export.copied", "error.clipboard")

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
        self, shown: Shown, order: Order, path: Path, product: str, write: Callable[[Path, bytes], None],
        done_key: str, wrong_key: str,
    ) -> None:  # fmt: skip
        if self._drawing is not None:
            self._tell("error.export_busy", wrong=True)
            return

        def work(cancelled: Callable[[], bool], progress: Callable[[float], None]) -> float:
            return worked_out(shown, order, path, product, self._worker, cancelled, progress, write)

        def ended(scale: float) -> None:
            self._drawing = None
            if scale < order.scale:
                self._tell(f"{done_key}.smaller", name=path.name, scale=f"{scale:.2g}", wanted=f"{order.scale:g}")
            else:
                self._tell(done_key, name=path.name)

        def failed(error: BaseException) -> None:
            self._drawing = None
            if isinstance(error, Cancelled | Abandoned):
                self._tell("export.cancelled")
                return
            reason = (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
            self._tell(wrong_key, wrong=True, name=path.name, reason=reason)
            if not isinstance(error, OSError | ValueError | MemoryError):
                raise error

        def waiting() -> None:
            if not drawing.stopping:
                self._tell("export.drawing", busy=True, share=f"{drawing.done:.0%}")

        drawing = Background(self._widget, work, on_done=ended, on_wait=waiting, on_error=failed)
        self._drawing = drawing
        waiting()


def worked_out(
    shown: Shown, order: Order, path: Path, product: str, worker: Callable[[], Client],
    cancelled: Callable[[], bool], progress: Callable[[float], None], write: Callable[[Path, bytes], None],
) -> float:  # fmt: skip
    """Exports, running the program again where something has to be asked; returns the scale, as wanted for lines."""
    from gui.export.knowledge import gather, questions
    from gui.export.lesson_paper import lesson_runs
    from gui.export.products import LINES
    from gui.export.watch import Watch
    from gui.export.writing import export

    def ask(cursors: Sequence[int], watch: Watch) -> Knowledge:
        known = shown.known
        if not shown.askable or all(
            question in known.answers for question in questions(shown.trace, cursors, order.chosen)
        ):
            return known
        with worker() as client:
            return gather(client, shown.trace, cursors, chosen=order.chosen, cancelled=watch.cancelled)

    def told(watch: Watch) -> tuple[Lesson, Mapping[str, Trace]]:
        if shown.lesson is None:
            raise ValueError("there is no lesson to print")
        lesson, trusted = shown.lesson
        if not trusted:
            return lesson, {}  # its programs are printed without pictures
        with worker() as client:
            return lesson, lesson_runs(lesson, in_worker(client, watch.cancelled))

    scale = export(
        shown.trace, path, order, product, ask=ask, told=told, written=shown.written, cancelled=cancelled,
        progress=progress, write=write,
    )  # fmt: skip
    return order.scale if path.suffix.lower() in LINES else scale
