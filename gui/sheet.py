"""A page laid over the middle of the window until it is closed; the keyboard then goes back to where it was."""

from __future__ import annotations

import tkinter as tk

from gui.theme import Look


class Sheet(tk.Frame):
    """A frame with a title, placed in the middle of its master."""

    def __init__(self, master: tk.Misc) -> None:
        super().__init__(master, borderwidth=0, highlightthickness=1, takefocus=True)
        self.title = tk.Label(self, anchor="w", borderwidth=0)
        self._before: tk.Misc | None = None
        self.bind("<FocusOut>", self._left)

    @property
    def opened(self) -> bool:
        return bool(self.winfo_manager())

    def toggle(self) -> None:
        """Opens it, or closes it."""
        if self.opened:
            self.close()
        else:
            self._before = self.focus_get()
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
        self.configure(background=look["card"], highlightbackground=look["edge"], highlightcolor=look["edge"])
        self.title.configure(background=look["card"], foreground=look["text"], font=look.font(15, bold=True))

    def _left(self, event: tk.Event[tk.Misc]) -> None:
        if self.opened:
            self._before = None  # the keyboard has gone elsewhere already
            self.close()
