"""The text of a lesson's screen, set into a text widget: styles, formulas, code in other libraries."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Sequence
from typing import Any

from core.lessons.records import Block, Check, Elsewhere, Predict, Text
from core.lessons.walk import Walk
from gui import figures
from gui.i18n import Words
from gui.inspector.formula import Formulas
from gui.theme import Look
from gui.widgets import breaks

Piece = tuple[str, str]
"""Text and its tag; with the tag ``math`` it is mathtext."""


def pieces(walk: Walk, words: Words, open_aside: str = "") -> list[list[Piece]]:
    """The lines of a screen as far as it is seen; what is still asked or to be done stands elsewhere.

    Args:
        open_aside: the library whose program is read; '' for none.
    """
    lines: list[list[Piece]] = [[(walk.screen.title, "title")]]
    asides = [block for _, block in walk.blocks if isinstance(block, Elsewhere)]
    for place, block in walk.blocks:
        lines += _of(walk, place, block, words)
    if asides:
        row: list[Piece] = [(words("lesson.elsewhere"), "quiet")]
        for aside in asides:
            row += [("  ", "quiet"), (aside.library, "aside-open" if aside.library == open_aside else "aside")]
        lines.append(row)
        lines += [[(aside.code, "code-block")] for aside in asides if aside.library == open_aside]
    return lines


def _of(walk: Walk, place: int, block: Block, words: Words) -> list[list[Piece]]:
    outcome = walk.outcome(place)
    match block:
        case Text():
            body: list[Piece] = [(span.text, span.style or "text") for span in block.spans]
            return [[("•  ", "item"), *body] if block.kind == "item" else body]
        case Predict() if outcome is not None:
            mark = ("✓  ", "done") if outcome.right else ("→  ", "quiet")
            return [[(block.ask, "asked")], [mark, (_right(block), "strong")], _inline(_said(block))]
        case Check() if outcome is not None and outcome.right:
            return [[(block.ask, "asked")], [("✓  ", "done"), *_inline(block.done)]]
        case _:
            return []


def _right(predict: Predict) -> str:
    """The right answer as it is shown."""
    if predict.kind == "choice":
        return next(choice.text for choice in predict.choices if choice.right)
    if isinstance(predict.answer, str):
        return predict.answer
    numbers = predict.answer if isinstance(predict.answer, tuple) else (predict.answer,)
    said = [figures.number(number) for number in numbers]
    return said[0] if len(said) == 1 else f"[{', '.join(said)}]"


def _said(predict: Predict) -> str:
    return next((choice.say for choice in predict.choices if choice.right), predict.right)


def _inline(text: str) -> list[Piece]:
    """Words with code in backticks."""
    return [(part, "code" if number % 2 else "text") for number, part in enumerate(text.split("`")) if part]


class LessonText:
    """Writes lines into a text widget that nobody types in."""

    def __init__(self, text: tk.Text) -> None:
        self._text = text
        self.formulas = Formulas(text)
        self._shown: object = None

    def show(self, lines: Sequence[Sequence[Piece]]) -> None:
        if lines == self._shown:
            return
        same = isinstance(self._shown, list) and self._shown[:1] == list(lines)[:1]
        self._shown = list(lines)
        self._text.configure(state="normal")
        self._text.delete("1.0", "end")
        self.formulas.clear()
        for number, line in enumerate(lines):
            for text, tag in line:
                if tag == "math":
                    self.formulas.insert(text, "text")
                else:
                    self._insert(text, tag)
            if number < len(lines) - 1:
                self._text.insert("end", "\n")
        self._text.configure(state="disabled")
        self._text.yview_moveto(1.0 if same else 0.0)  # what is new is below

    def _insert(self, text: str, tag: str) -> None:
        """Words, with places where a line may end."""
        for number, part in enumerate(breaks.parts(text)):
            if number:
                self._text.insert("end", " ", (tag, "gap"))
            self._text.insert("end", part, (tag,))

    def dress(self, look: Look) -> None:
        self._shown = None
        self.formulas.dress(look)
        text = self._text
        text.configure(
            background=look["panel"], foreground=look["text"], font=look.font(14), padx=look.px(16), pady=look.px(4),
            selectbackground=look["running_span"], selectforeground=look["text"], spacing2=look.px(2),
        )  # fmt: skip
        paragraph: dict[str, Any] = {"spacing1": look.px(6), "spacing3": look.px(2)}
        text.tag_configure("gap", font=(look.sans, -1))
        text.tag_configure("title", font=look.font(18, bold=True), spacing1=0, spacing3=look.px(6))
        text.tag_configure("text", **paragraph)
        text.tag_configure("strong", font=look.font(14, bold=True), **paragraph)
        text.tag_configure("em", foreground=look["accent"], **paragraph)
        text.tag_configure("code", font=look.font(13, mono=True), foreground=look["value"], **paragraph)
        text.tag_configure("item", lmargin2=look.px(16), **paragraph)
        text.tag_configure("asked", font=look.font(13, bold=True), spacing1=look.px(10), spacing3=look.px(2))
        text.tag_configure("quiet", foreground=look["quiet"], spacing1=look.px(8))
        text.tag_configure("done", foreground=look["leaf"], font=look.font(14, bold=True))
        for tag, colour in (("aside", "accent"), ("aside-open", "text")):
            text.tag_configure(tag, foreground=look[colour], underline=tag == "aside", font=look.font(13))
        text.tag_configure(
            "code-block", font=look.font(12, mono=True), background=look["button"], lmargin1=look.px(8),
            lmargin2=look.px(8), spacing1=look.px(6), spacing3=look.px(6), wrap="none",
        )  # fmt: skip
        text.tag_raise("gap")
