"""The sheet of finite differences: each operation with its error, and why the others were not compared."""

from __future__ import annotations

import tkinter as tk
import tkinter.font as tkfont
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from core.records import CHECK_LIMIT, CHECK_SECONDS, Check, Op, Trace
from core.unchecked import unchecked
from gui.figures import clip, number
from gui.i18n import Words
from gui.theme import Look
from gui.widgets.sheet import Sheet

ROWS = 18
"""Lines that are seen at once at most."""
WIDTH = 76
"""Letters of a line."""
BEFORE, EXPRESSION = 17, 36
"""Letters before an expression, and of it."""

Line = tuple[str, str]
"""Text, and the tag it is shown with."""


def told(trace: Trace, checks: Sequence[Check], words: Words) -> Iterator[Line]:
    """The sheet's lines: those that differ first."""
    yield words("checks.about"), "quiet"
    for check in sorted(checks, key=lambda check: (check.agrees, check.op)):
        own = f" · {words('checks.custom')}" if check.custom else ""
        line = _columns("✓" if check.agrees else "✗", trace.ops[check.op], number(check.error, 2))
        yield line + own, "agrees" if check.agrees else "differs"
    if not all(check.agrees for check in checks):
        yield words("checks.kink"), "quiet"
    missing = sorted((reason, op) for op, reason in unchecked(trace, checks).items())
    for reason, entries in groupby(missing, key=itemgetter(0)):
        yield words(f"checks.{reason}", numbers=CHECK_LIMIT, seconds=f"{CHECK_SECONDS:g}"), "quiet"
        for line, times in Counter(_columns("–", trace.ops[op]) for _, op in entries).items():
            yield f"{line}  × {times}" if times > 1 else line, "missing"


def _columns(sign: str, op: Op, error: str = "") -> str:
    """Sign, line, error, expression and name."""
    text = clip(op.text or op.name, EXPRESSION)
    return f"{sign} {op.line or '':>4}  {error:>8}  {text:<{EXPRESSION}}  {op.name}"


class ChecksSheet(Sheet):
    """A read-only text that the arrows scroll."""

    def __init__(self, master: tk.Misc) -> None:
        super().__init__(master)
        self.text = tk.Text(
            self, borderwidth=0, highlightthickness=0, wrap="word", width=WIDTH, height=ROWS, state="disabled",
            cursor="arrow", takefocus=False,
        )  # fmt: skip
        for sequence in ("<Escape>", "<Return>", "<space>"):
            self.bind(sequence, self.dismissed)
        for sequence, by in (("<Up>", -1), ("<Down>", 1), ("<Prior>", -ROWS // 2), ("<Next>", ROWS // 2)):
            self.bind(sequence, lambda event, by=by: self.text.yview_scroll(by, "units"))  # type: ignore[misc]
        for widget in (self, self.title, self.text):
            widget.bind("<Button-1>", self.dismissed)

    def show(self, trace: Trace, checks: Sequence[Check]) -> None:
        """Opens it with what was found."""
        if self._look is None or self.opened:
            return
        words = self._look.words
        lines = list(told(trace, checks, words))
        self.text.configure(state="normal", height=min(ROWS, len(lines) + 5))
        self.text.delete("1.0", "end")
        for place, (text, tag) in enumerate(lines):
            self.text.insert("end", f"\n{text}" if place else text, (tag,))
        self.text.configure(state="disabled")
        self.toggle()

    def arrange(self, look: Look) -> None:
        self.title.configure(text=look.words("checks.title"))
        self.title.pack(fill="x", padx=look.px(24), pady=(look.px(20), look.px(6)))
        self.text.configure(
            background=look["card"], foreground=look["text"], font=look.font(12, mono=True),
            selectbackground=look["running_span"], selectforeground=look["text"],
        )  # fmt: skip
        self.text.pack(fill="both", expand=True, padx=look.px(24), pady=(0, look.px(20)))
        self.text.tag_configure("quiet", foreground=look["quiet"], font=look.font(12), spacing1=look.px(6))
        self.text.tag_configure("quiet", spacing3=look.px(6))
        indent = tkfont.Font(self, font=look.font(12, mono=True)).measure("0") * BEFORE
        for tag, colour in (("missing", "text"), ("agrees", "leaf"), ("differs", "wrong")):
            self.text.tag_configure(tag, foreground=look[colour], lmargin2=indent)
