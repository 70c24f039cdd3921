"""Every step in words, a line each; for those who read, and for screen readers."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from core.playback import Playback
from core.records import Trace
from core.walk import told
from gui.theme import Look
from gui.widgets import reading


class Transcript(tk.Frame):
    """The lines of a trace, the one of the cursor marked; a click on a line goes there."""

    def __init__(self, master: tk.Misc, *, on_seek: Callable[[int], object]) -> None:
        super().__init__(master, borderwidth=0)
        self._on_seek = on_seek
        self._look: Look | None = None
        self._trace: tuple[Trace, str] | None = None
        self._line = 0
        self.text = tk.Text(
            self, wrap="word", borderwidth=0, highlightthickness=0, padx=16, pady=4, width=30, height=5,
            state="disabled", cursor="arrow",
        )  # fmt: skip
        self.text.pack(fill="both", expand=True)
        reading.enable(self.text)
        self.text.bind("<ButtonRelease-1>", self._clicked)

    def show(self, playback: Playback | None, *, held: bool = False) -> None:
        """The trace's lines, written once, and where the cursor is.

        Args:
            held: nothing beyond the cursor is shown, since it would be the answer to a question.
        """
        if self._look is None:
            return
        language = self._look.words.language
        written = (playback.trace, language) if playback is not None else None
        same = written is not None and self._trace is not None and written[0] is self._trace[0]
        if not same or (written is not None and self._trace is not None and written[1] != self._trace[1]):
            self._trace, self._line = written, 0
            lines = list(told(playback.trace, language)) if playback is not None else []
            self.text.configure(state="normal")
            self.text.delete("1.0", "end")
            self.text.insert("1.0", "\n".join(lines) or self._look.words("transcript.none"), ("line",))
            self.text.configure(state="disabled")
        line = playback.cursor if playback is not None else 0
        self.text.tag_remove("held", "1.0", "end")
        if held:
            self.text.tag_add("held", f"{line}.end" if line else "1.0", "end")
        if line != self._line:
            self._line = line
            self.text.tag_remove("here", "1.0", "end")
            if line:
                self.text.tag_add("here", f"{line}.0", f"{line + 1}.0")
            self.text.see(f"{max(line, 1)}.0")

    def dress(self, look: Look) -> None:
        self._look = look
        self.configure(background=look["panel"])
        self.text.configure(
            background=look["panel"], foreground=look["text"], font=look.font(12), padx=look.px(16), pady=look.px(4),
            selectbackground=look["running_span"], selectforeground=look["text"],
        )  # fmt: skip
        reading.dress(self.text, look)
        self.text.tag_configure("held", elide=True)
        self.text.tag_configure("line", lmargin2=look.px(14), spacing3=look.px(3))
        self.text.tag_configure("here", background=look["running_line"])
        self.text.tag_raise("sel")

    def _clicked(self, event: tk.Event[tk.Misc]) -> None:
        if self._trace is not None and not self.text.tag_ranges("sel"):
            self._on_seek(int(self.text.index("current").split(".")[0]))
