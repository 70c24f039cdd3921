"""A small picture of what is going to be exported, drawn in a thread after every change of it."""

from __future__ import annotations

import io
import tkinter as tk
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageTk

from core.layout import Cancelled
from gui.canvas.background import Background
from gui.theme import Look

if TYPE_CHECKING:
    from gui.export.order import Order
    from gui.exporting.exporter import Shown

DELAY: Final = 150
"""Milliseconds without a change before it is drawn."""
WIDTH, HEIGHT = 300, 300
"""Units that it has."""


class Preview(tk.Frame):
    """A picture in a room of fixed size, or a text in its place; below it, how large the picture will be."""

    def __init__(self, master: tk.Misc) -> None:
        super().__init__(master, borderwidth=0, highlightthickness=1)
        self.pack_propagate(False)
        self._label = tk.Label(self, borderwidth=0, justify="center")
        self._label.pack(expand=True)
        self._drawing: Background[Image.Image] | None = None
        self._waiting = ""
        self._picture: ImageTk.PhotoImage | None = None  # Tk itself keeps none alive
        self._look: Look | None = None

    def dress(self, look: Look) -> None:
        self._look = look
        self.configure(
            background=look["canvas"], highlightbackground=look["line"], width=look.px(WIDTH), height=look.px(HEIGHT)
        )
        self._label.configure(
            background=look["canvas"], foreground=look["quiet"], font=look.font(12), wraplength=look.px(WIDTH - 40)
        )

    @property
    def drawn(self) -> bool:
        """Whether nothing is still to be drawn."""
        return not self._waiting and self._drawing is None

    def tell(self, text: str) -> None:
        """A text in place of a picture."""
        self.stop()
        self._picture = None
        self._label.configure(image="", text=text)

    def show(self, shown: Shown, order: Order, product: str, waiting: str) -> None:
        """Draws it, some time from now; ``waiting`` is said where nothing is seen yet."""
        self.stop()
        if self._picture is None:
            self._label.configure(text=waiting)
        self._waiting = self.after(DELAY, lambda: self._draw(shown, order, product))

    def stop(self) -> None:
        """Nothing is drawn any more."""
        if self._waiting:
            self.after_cancel(self._waiting)
            self._waiting = ""
        if self._drawing is not None:
            self._drawing.cancel()
            self._drawing = None

    def _draw(self, shown: Shown, order: Order, product: str) -> None:
        self._waiting = ""
        look = self._look
        if look is None:
            return
        room = (look.px(WIDTH - 8), look.px(HEIGHT - 8))

        def work(cancelled: Callable[[], bool], progress: Callable[[float], None]) -> Image.Image:
            return drawn(shown, order, product, room, cancelled)

        def done(picture: Image.Image) -> None:
            self._drawing = None
            self._picture = ImageTk.PhotoImage(picture, master=self)
            self._label.configure(image=self._picture, text="")

        def failed(error: BaseException) -> None:
            self._drawing = None
            if isinstance(error, ValueError):
                self.tell(str(error))
            elif not isinstance(error, Cancelled):
                raise error

        self._drawing = Background(self, work, on_done=done, on_wait=lambda: None, on_error=failed)


def drawn(
    shown: Shown, order: Order, product: str, room: tuple[int, int], cancelled: Callable[[], bool]
) -> Image.Image:
    """The picture in a room of so many pixels; of an animation, the moment that is on the screen."""
    from dataclasses import replace

    from gui.export.writing import export

    if product == "animation":
        order, product = replace(order, step=shown.order.step, pass_=None), "picture"
    found: list[bytes] = []
    export(
        shown.trace, Path("preview.png"), replace(order, scale=1.0, transparent=False), product,
        ask=lambda cursors, watch: shown.known, written=shown.written, cancelled=cancelled,
        write=lambda path, png: found.append(png),
    )  # fmt: skip
    with Image.open(io.BytesIO(found[0])) as picture:
        small = picture.convert("RGB")
    small.thumbnail(room, Image.Resampling.LANCZOS)
    return small
