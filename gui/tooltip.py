"""A small note beside the pointer."""

from __future__ import annotations

import tkinter as tk

from gui.theme import Look

WIDTH = 420
"""Units of a line at most."""


class Tip(tk.Frame):
    """A heading and lines, laid over the widget it belongs to."""

    def __init__(self, master: tk.Misc) -> None:
        super().__init__(master, borderwidth=0)
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
        for label, colour, size, bold in ((self.heading, "text", 13, True), (self.body, "text", 12, False)):
            label.configure(
                background=look["card"], foreground=look[colour], font=look.font(size, mono=True, bold=bold),
                wraplength=look.px(WIDTH),
            )  # fmt: skip
        self._pad = (look.px(11), (look.px(7), 0), look.px(6))
