"""What the program printed, and what went wrong."""

from __future__ import annotations

import re
import tkinter as tk
from typing import Final

from core.records import LEFT_OUT, Failure
from gui.failure import failure_lines
from gui.i18n import Words
from gui.pages.terminal import as_shown
from gui.theme import Look
from gui.widgets import reading

_LONG: Final = re.compile(r".{8000}(?=.)")
"""The part of a line that is shown on lines of its own: Tk takes seconds over a longer one."""


SHOWN: Final = 200_000
"""Characters on the screen; of more, the first half and the last half of so many."""
_LEFT_OUT: Final = re.compile(re.escape(LEFT_OUT).replace(r"\{count\}", r"(\d+)").replace(r"\{limit\}", r"(\d+)"))


def _in_part(output: str, words: Words) -> str:
    """What of it is shown; where its middle was not even kept, that is said too."""
    if len(output) <= SHOWN:
        return output
    middle = output[SHOWN // 2 : -SHOWN // 2]
    lost = _LEFT_OUT.search(middle)
    if lost is None:
        said = words("output.part", n=f"{len(middle):,}")
    else:
        said = words("output.stopped", n=f"{len(middle) + int(lost[1]):,}", limit=lost[2])
    return f"{output[: SHOWN // 2]}\n{said}\n{output[-SHOWN // 2 :]}"


class Output(tk.Frame):
    """A read-only text."""

    def __init__(self, master: tk.Misc) -> None:
        super().__init__(master, borderwidth=0)
        self._shown: object = None
        self.text = tk.Text(
            self, wrap="char", borderwidth=0, highlightthickness=0, padx=16, pady=4, width=30, height=5,
            state="disabled",
        )  # fmt: skip
        self.text.pack(fill="both", expand=True)
        reading.enable(self.text)

    def show(self, output: str, failure: Failure | None, notice: str, words: Words, *, held: bool = False) -> None:
        """Printed text; above it what went wrong: a note of the window's, or an exception of the program.

        Args:
            held: nothing of the run is shown, since it would be the answer to a question.
        """
        output, failure = ("", None) if held else (output, failure)
        shown = (output, failure, notice, held, words.language)
        if shown == self._shown:
            return
        self._shown = shown
        self.text.configure(state="normal")
        self.text.delete("1.0", "end")
        if notice:
            self.text.insert("end", notice + "\n", ("wrong",))
        if failure is not None:
            explanation, message = failure_lines(failure, words)
            if explanation:
                self.text.insert("end", f"✗ {explanation}\n", ("wrong",))
                self.text.insert("end", message + "\n", ("quiet",))
            else:
                self.text.insert("end", f"✗ {message}\n", ("wrong",))
        if output:
            self.text.insert("end", _LONG.sub(r"\g<0>\n", as_shown(_in_part(output, words))))
        elif failure is None and not notice:
            self.text.insert("end", words("lesson.held" if held else "output.none"), ("hint",))
        self.text.configure(state="disabled")
        self.text.see("1.0" if failure is not None or notice else "end")

    def dress(self, look: Look) -> None:
        self._shown = None
        for widget in (self, self.text):
            widget.configure(background=look["panel"])
        self.text.configure(padx=look.px(16), pady=look.px(4))
        reading.dress(self.text, look)
        self.text.configure(
            foreground=look["text"], font=look.font(12, mono=True), selectbackground=look["running_span"],
            selectforeground=look["text"],
        )  # fmt: skip
        self.text.tag_configure("wrong", foreground=look["wrong"], font=look.font(13), spacing3=3, wrap="word")
        self.text.tag_configure("quiet", foreground=look["quiet"], spacing3=3, wrap="word")
        self.text.tag_configure("hint", foreground=look["quiet"], font=look.font(12), wrap="word")
