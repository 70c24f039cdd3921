"""A small note beside the pointer."""

from __future__ import annotations

import tkinter as tk

from gui.theme import Look

WIDTH = 420
"""Units of a line at most."""


class Tip(tk.Frame):
    """A heading and lines, laid over the widget it belongs to; ``prose`` is a sentence over what it is about."""

    def __init__(self, master: tk.Misc, *, prose: bool = False) -> None:
        super().__init__(master, borderwidth=0)
        self._prose = prose
        self.heading = tk.Label(self, anchor="w", justify="left", borderwidth=0)
        self.body = tk.Label(self, anchor="w", justify="left", borderwidth=0)
        self.inner = (self.heading, self.body)
        self._pad: tuple[int, tuple[int, int], int] = (11, (7, 0), 7)

    def show(self, x: int, y: int, heading: str, body: str) -> None:
        """Beside a pixel of the master, and always whole."""
        for label, text in zip(self.inner, (heading, body), strict=True):
            label.configure(text=text)
            if text:
                label.pack(fill="x", padx=self._pad[0], pady=self._pad[1 if label is self.heading and body else 2])
            else:
                label.pack_forget()
        self.update_idletasks()
        width, height = self.winfo_reqwidth(), self.winfo_reqheight()
        room = (self.master.winfo_width(), self.master.winfo_height())
        left = x + 18 if x + 18 + width < room[0] else x - 18 - width
        top = y + 18 if y + 18 + height < room[1] else y - 18 - height
        self.place(x=max(4, min(left, room[0] - width - 4)), y=max(4, min(top, room[1] - height - 4)))
        self.lift()

    def hide(self) -> None:
        self.place_forget()

    def dress(self, look: Look) -> None:
        self.configure(background=look["card"], highlightthickness=1)
        self.configure(highlightbackground=look["edge"], highlightcolor=look["edge"])
        self.heading.configure(foreground=look["text"], font=look.font(13, mono=not self._prose, bold=not self._prose))
        self.body.configure(foreground=look["quiet" if self._prose else "text"], font=look.font(12, mono=True))
        for label in self.inner:
            label.configure(background=look["card"], wraplength=look.px(WIDTH))
        self._pad = (look.px(11), (look.px(7), 0), look.px(6))
