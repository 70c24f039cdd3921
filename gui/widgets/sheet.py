"""A page laid over the middle of the window until it is closed; the keyboard then goes back to where it was."""

from __future__ import annotations

import tkinter as tk
from dataclasses import replace

from gui.theme import Look

ROOM = 0.96
"""Share of the window that it may cover; what needs more is drawn smaller."""


class Sheet(tk.Frame):
    """A frame with a title, placed in the middle of its master."""

    def __init__(self, master: tk.Misc) -> None:
        super().__init__(master, borderwidth=0, highlightthickness=1, takefocus=True)
        self.title = tk.Label(self, anchor="w", borderwidth=0)
        self._look: Look | None = None
        self._before: tk.Misc | None = None
        self.bind("<FocusOut>", self._left)

    def arrange(self, look: Look) -> None:
        """Puts everything in its place."""
        raise NotImplementedError

    @property
    def opened(self) -> bool:
        return bool(self.winfo_manager())

    def toggle(self) -> None:
        """Opens it, or closes it."""
        if self.opened:
            self.close()
        elif self._look is not None:
            self._before = self.focus_get()
            self._fit(self._look)
            self.place(relx=0.5, rely=0.5, anchor="center")
            self.lift()
            self.focus_set()

    def close(self) -> None:
        self.place_forget()
        before, self._before = self._before, None
        if before is not None and before.winfo_exists():
            before.focus_set()

    def dismissed(self, event: tk.Event[tk.Misc]) -> str | None:
        """A key or a click ends it."""
        if not self.opened:
            return None
        self.close()
        return "break"

    def dress(self, look: Look) -> None:
        self._look = look
        self.close()
        self.configure(background=look["card"], highlightbackground=look["edge"], highlightcolor=look["edge"])
        self.title.configure(background=look["card"], foreground=look["text"])

    def _fit(self, look: Look) -> None:
        """Arranges it, smaller where the window is too small for it."""
        for _ in range(2):
            self.title.configure(font=look.font(15, bold=True))
            self.arrange(look)
            self.update_idletasks()
            wide, high = self.master.winfo_width() * ROOM, self.master.winfo_height() * ROOM
            share = min(wide / self.winfo_reqwidth(), high / self.winfo_reqheight())
            if share >= 1:
                break
            look = replace(look, scale=look.scale * share)

    def _left(self, event: tk.Event[tk.Misc]) -> None:
        if self.opened and self.focus_get() is not self:
            self._before = None  # the keyboard has gone elsewhere already
            self.close()
