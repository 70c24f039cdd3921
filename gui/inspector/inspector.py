"""The report on the current step as a text, with its formulas and equations drawn in it."""

from __future__ import annotations

import tkinter as tk
import tkinter.font as tkfont
from collections.abc import Callable
from functools import partial
from typing import Final

from core.playback import Playback
from core.records import TensorSnapshot, Trace
from gui.i18n import Words
from gui.inspector.board import Board
from gui.inspector.equation import Equation
from gui.inspector.formula import Formulas
from gui.inspector.inset import Widgets
from gui.inspector.jacobian import Product
from gui.inspector.lines import Part, Report
from gui.inspector.link import Link
from gui.inspector.openings import Openings
from gui.inspector.pass_jacobian import PassProduct
from gui.inspector.report import describe
from gui.inspector.rows import Filling, Rows
from gui.inspector.styles import STYLES
from gui.picture.cards import Graph
from gui.questions import Question
from gui.session import Session
from gui.theme import Look
from gui.widgets import wheel

MARGIN: Final = 16
"""Left and right of the text."""

RESTING: Final = 150
"""Milliseconds the reader rests on a step before its Jacobian is asked for."""


class Inspector(tk.Frame):
    """A read-only text; one widget however much there is to say.

    Args:
        on_tensor: called with the tensor that is to be opened.
        on_seed: called where a backward call that was refused is to have a seed.
    """

    def __init__(
        self, master: tk.Misc, session: Session, on_tensor: Callable[[TensorSnapshot], object],
        on_seed: Callable[[], object],
    ) -> None:  # fmt: skip
        super().__init__(master, borderwidth=0)
        self._session = session
        self._shown: object = None
        self._lines: list[list[Part]] = []
        self._words: Words | None = None
        self._question: Question | None = None
        self._granted: Question | None = None
        self._costly = False
        self._play: Link | None = None
        self._asking = ""
        self._margin = MARGIN
        self.text = tk.Text(
            self, wrap="word", borderwidth=0, highlightthickness=1, padx=MARGIN, pady=12, width=30, height=10,
            cursor="arrow", state="disabled", takefocus=True, yscrollcommand=lambda first, last: self._wait(),
        )  # fmt: skip
        self.text.pack(fill="both", expand=True)
        self.formulas = Formulas(self.text)
        self.widgets = Widgets(self.text)
        self._openings = Openings(self.text, on_tensor)
        self.filling = Filling(self, self._filled)
        self._deeds: dict[str, Callable[[], object]] = {
            "link": self._grant, "next": lambda: self.filling.move(1), "play": self.filling.play,
            "seed": on_seed,
        }  # fmt: skip
        for key, by in (("Up", -1), ("Down", 1)):
            self.text.bind(f"<{key}>", partial(self._scroll, by))
        self.text.bind("<Configure>", lambda event: self._fit(event.width - 2 * self._margin))

    def show(
        self, playback: Playback | None, graph: Graph | None, selected: int | None, words: Words,
        written: Trace | None = None, turn: str = "", *, held: bool = False,
    ) -> None:  # fmt: skip
        self._words = words
        report = describe(playback, graph, selected, words, written, self._session, turn, held=held)
        if (report.lines, report.products) == self._shown:
            self._rest(report)
            return
        same = bool(self._lines) and self._lines[:2] == report.lines[:2]  # the answer for what is being read
        self._shown, self._lines = (report.lines, report.products), report.lines
        place = self.text.index("@0,0")
        self.text.configure(state="normal", cursor="arrow")
        self.widgets.clear()
        self.text.delete("1.0", "end")
        self.formulas.clear()
        self._openings.clear(report.tensors)
        opened = 0
        for number, line in enumerate(report.lines):
            for part in line:
                text, tag = part[:2]
                if tag == "formula":
                    self.formulas.insert(text, tag)
                elif tag == "equation":
                    self.widgets.insert(self._drawing(report.products[int(text)]), tag)
                elif tag in self._deeds:
                    link = Link(self.text, text, self._deeds[tag])
                    self._play = link if tag == "play" else self._play
                    self.widgets.insert(link, tag)
                else:
                    self.text.insert("end", text, (tag,))
                if len(part) > 2 and part[2] is not None:
                    self._openings.add(opened, len(text))
                    opened += 1
            if number < len(report.lines) - 1:
                self.text.insert("end", "\n")
        self.text.configure(state="disabled")
        if same:
            self.text.yview(place)
        rows = [product.total for product in report.products if isinstance(product, PassProduct)]
        self.filling.begin(max(rows, default=0))
        self._rest(report)

    def _drawing(self, product: Product) -> Board:
        if isinstance(product, PassProduct):
            return Rows(self.text, product, self.filling.move)
        return Equation(self.text, product)

    def _filled(self) -> None:
        """Another row of the whole Jacobians is shown, or they have stopped filling by themselves."""
        for widget in self.widgets.shown:
            if isinstance(widget, Rows):
                widget.fill(self.filling.filled)
            elif widget is self._play and self._words is not None:
                widget.configure(text=self._words("jacobian.halt" if self.filling.playing else "jacobian.play"))

    def _fit(self, width: int) -> None:
        self.formulas.fit(width)
        self.widgets.fit(width)

    def _rest(self, report: Report) -> None:
        """What is asked for is another matter now, or the same."""
        if report.question != self._question:
            self._stop_asking()
        self._question, self._costly = report.question, report.costly
        self.text.mark_set("answer", f"{report.place + 1}.0")
        self._wait()

    def _wait(self) -> None:
        """Asks some time from now, where the reader has come to the place of the answer and does not decide on it."""
        if self._question is None or self._asking or (self._costly and self._question != self._granted):
            return
        if self.text.dlineinfo("answer") is not None:
            self._asking = self.after(RESTING, self._ask)

    def _ask(self) -> None:
        self._asking = ""
        if self._question is not None and self.winfo_viewable():
            self._session.ask(self._question)

    def _grant(self) -> None:
        """The reader wants the answer, however long it takes."""
        self._granted = self._question
        self._ask()

    def _scroll(self, by: int, _: tk.Event[tk.Misc]) -> str:
        self.text.yview_scroll(round(by * wheel.NOTCH), "pixels")
        return "break"

    def _stop_asking(self) -> None:
        if self._asking:
            self.after_cancel(self._asking)
            self._asking = ""

    def destroy(self) -> None:
        self._stop_asking()
        self.filling.stop()
        self.formulas.stop()
        super().destroy()

    def dress(self, look: Look) -> None:
        self._shown = None
        self._margin = look.px(MARGIN)
        self.formulas.dress(look)
        self.widgets.dress(look)
        self._openings.dress(look)
        self.configure(background=look["panel"])
        text = self.text
        text.configure(padx=self._margin, pady=look.px(12), highlightcolor=look["accent"],
                       highlightbackground=look["panel"])  # fmt: skip
        text.configure(background=look["panel"], foreground=look["text"], font=look.font(13),
                       selectbackground=look["running_span"], selectforeground=look["text"])  # fmt: skip
        blank = tkfont.Font(self, font=look.font(13, mono=True)).measure(" ")
        for tag, style in STYLES.items():
            text.tag_configure(
                tag, font=look.font(style.size, mono=style.mono, bold=style.bold), foreground=look[style.colour],
                spacing1=look.px(style.above), spacing3=look.px(style.below), overstrike=style.struck,
                lmargin1=style.first * blank, lmargin2=style.rest * blank,
            )  # fmt: skip
