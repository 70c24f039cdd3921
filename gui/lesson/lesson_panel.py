"""A lesson's screen: its text, what it asks, what is to be done, and the way on."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from core.lessons.records import Check, Choice, Predict
from core.lessons.walk import Walk
from gui.inspector.formula import Formulas
from gui.lesson.lesson_text import LessonText, pieces
from gui.theme import Look
from gui.widgets import reading, wheel
from gui.widgets.button import Button
from gui.widgets.toolkit import ctk

LEAST = 44
"""Units of the text that stay in sight above a question; where there are fewer, the question scrolls with the text."""


@dataclass(frozen=True, slots=True)
class Learner:
    """What the panel calls when the learner does something.

    Attributes:
        answer: with what was typed or chosen.
        skip, hint, put_back, contents, close: as they say.
        go: with the number of a screen.
    """

    answer: Callable[[str], object]
    skip: Callable[[], object]
    hint: Callable[[], object]
    go: Callable[[int], object]
    put_back: Callable[[], object]
    contents: Callable[[], object]
    close: Callable[[], object]


class LessonPanel(tk.Frame):
    """Shows a walk.

    Attributes:
        entry: where numbers are typed.
        choices: rows to choose from, in order.
    """

    def __init__(self, master: tk.Misc, learner: Learner) -> None:
        super().__init__(master, borderwidth=0)
        self._learner = learner
        self._look: Look | None = None
        self._walk: Walk | None = None
        self._shown: object = None
        self._aside = ""
        self.head = tk.Frame(self, borderwidth=0)
        self.title = tk.Label(self.head, anchor="w", borderwidth=0)
        self.put_back = Button(self.head, learner.put_back, width=76, height=24)
        self.contents = Button(self.head, learner.contents, width=76, height=24)
        self.close = Button(self.head, learner.close, width=26, height=24)
        self.text = tk.Text(
            self, wrap="word", borderwidth=0, highlightthickness=0, width=30, height=8, state="disabled", cursor="arrow"
        )
        reading.enable(self.text)
        self._set = LessonText(self.text)
        for tag in ("aside", "aside-open"):
            self.text.tag_bind(tag, "<Button-1>", self._aside_clicked)
            self.text.tag_bind(tag, "<Enter>", lambda event: self.text.configure(cursor="hand2"))
            self.text.tag_bind(tag, "<Leave>", lambda event: self.text.configure(cursor="arrow"))
        self.box = tk.Frame(self, borderwidth=0, highlightthickness=1)
        self.ask = tk.Label(self.box, anchor="w", justify="left", borderwidth=0)
        self.row = tk.Frame(self.box, borderwidth=0)
        self.entry = ctk.CTkEntry(self.row, width=150, height=30, corner_radius=6, border_width=2)
        self.entry.bind("<Return>", lambda event: self._typed())
        self.entry.bind("<Escape>", lambda event: self.winfo_toplevel().focus_set())
        self.check_button = Button(self.row, self._typed, width=76, height=30)
        self.hint_button = Button(self.row, learner.hint, width=60, height=30)
        self.choices: list[tk.Label] = []
        self.said = tk.Label(self.box, anchor="w", justify="left", borderwidth=0)
        self.foot = tk.Frame(self, borderwidth=0)
        self.back = Button(self.foot, lambda: self._go(-1), width=44, height=28)
        self.dots = tk.Label(self.foot, borderwidth=0)
        self.onward = Button(self.foot, self._onward, width=96, height=28)
        self._lay_out()
        self.bind("<Configure>", self._resized)

    def _lay_out(self) -> None:
        self.head.pack(side="top", fill="x")
        self.close.pack(side="right", padx=(4, 0))
        self.contents.pack(side="right", padx=(4, 0))
        self.title.pack(side="left", fill="x", expand=True)  # the last, so that it is what gives way
        self.foot.pack(side="bottom", fill="x")
        self.back.pack(side="left")
        self.onward.pack(side="right")
        self.dots.pack(side="left", expand=True)
        self.text.pack(side="top", fill="both", expand=True)
        self.head.lift()  # a question that scrolls with the text goes below them
        self.foot.lift()
        for widget in (self.box, self.ask, self.row, self.said, self.entry._entry):
            self._scrolls(widget)
        for field in (self.entry._entry, self.check_button._canvas, self.hint_button._canvas):
            self._seen(field)

    @property
    def formulas(self) -> Formulas:
        return self._set.formulas

    def ready(self) -> None:
        """Formulas can be drawn."""
        self._set.formulas.ready()

    # ── What is shown ─────────────────────────────────────────────────────────────────────────────────────────────

    def show(self, walk: Walk | None, mistake: str = "", *, able: bool = True) -> None:
        """A walk as it stands.

        Args:
            mistake: what is said of the state the learner's run is in.
            able: whether cards can be picked: there is a picture.
        """
        look = self._look
        if walk is None or look is None:
            self._walk = walk
            return
        before = self._walk
        if before is None or walk.screen is not before.screen:
            self._aside = ""
            self.entry.delete(0, "end")
        self._walk = walk
        shown = (walk, mistake, self._aside, able, look)
        if shown == self._shown:
            return
        self._shown = shown
        say = look.words
        count = len(walk.lesson.screens)
        self.title.configure(text=f"{walk.lesson.head.order} · {walk.lesson.head.title}")
        if walk.changed:
            self.put_back.pack(side="right", before=self.contents)
        else:
            self.put_back.pack_forget()
        self._loosen()
        self._set.show(pieces(walk, say, self._aside))
        self._show_box(walk, mistake)
        self._place_box(reveal=before is not None and walk.screen is before.screen)
        self.dots.configure(text=f"{walk.number + 1} / {count}")
        self.back.configure(state="normal" if walk.number else "disabled")
        open_ = walk.question is not None
        key = "lesson.skip" if open_ else "lesson.done" if walk.at_end else "lesson.next"
        self.onward.dress(look, say(key), primary=not open_, size=12)

    def _show_box(self, walk: Walk, mistake: str) -> None:
        """The question that is open, else the first task."""
        question, task = walk.question, next(iter(walk.tasks), None)
        if question is None and task is None:
            self.box.pack_forget()
            return
        for widget in (self.ask, self.row, self.said, *self.choices):
            widget.pack_forget()
        for widget in self.row.pack_slaves():
            widget.pack_forget()
        self.ask.pack(fill="x")
        if question is not None:
            self._ask(question[1], walk, mistake)
        elif task is not None:
            self._set_task(*task, walk, mistake)
        self._space()

    def _place_box(self, *, reveal: bool) -> None:
        """Below the text; where that leaves no room to read, at its end, with which it scrolls.

        Args:
            reveal: brings it into sight: what it says is an answer.
        """
        assert self._look is not None
        self._loosen()
        walk = self._walk
        if walk is None or (walk.question is None and not walk.tasks):
            return
        self.update_idletasks()
        taken = self.head.winfo_reqheight() + self.foot.winfo_reqheight() + self.box.winfo_reqheight()
        if taken + self._look.px(LEAST + 40) <= self.winfo_height():
            self.box.pack(side="bottom", fill="x", before=self.text)
            self._space()
            return
        self.text.configure(state="normal")
        self.text.insert("end", "\n", ("box",))
        self.text.window_create("end", window=self.box)
        self.text.tag_add("box", "end-2c")
        self.text.configure(state="disabled")
        if reveal:
            self.text.yview_moveto(1.0)

    def _loosen(self) -> None:
        """Takes the box from where it stands; one that is deleted with the text would be destroyed."""
        self.box.pack_forget()
        places = self.text.tag_ranges("box")
        if places:
            self.text.configure(state="normal")
            self.text.window_configure("end-2c", window="")
            self.text.delete(places[0], "end-1c")
            self.text.configure(state="disabled")

    def _scrolls(self, widget: tk.Misc) -> None:
        """The wheel over a part of the box turns the text."""
        wheel.bind(widget, lambda dx, dy: self.text.yview_scroll(int(dy), "pixels"), lambda notches, x, y: None)

    def _seen(self, widget: tk.Misc) -> None:
        """What the keyboard comes to is in sight."""
        widget.bind("<FocusIn>", lambda event: self.text.yview_moveto(1.0), add="+")

    def _ask(self, predict: Predict, walk: Walk, mistake: str) -> None:
        assert self._look is not None
        say = self._look.words
        self.ask.configure(text=predict.ask)
        if predict.kind == "choice":
            self._fill_choices(predict.choices, walk.tried)
        elif predict.kind == "numbers":
            self.check_button.pack(side="right", padx=(6, 0))
            self.entry.pack(side="left", fill="x", expand=True)
            self.row.pack(fill="x")
        said = mistake or walk.said or (say("lesson.wrong") if walk.tried else "")
        if predict.kind == "card" and not said:
            said = say("lesson.pick")
        self._say(said, "wrong" if mistake or walk.tried else "quiet")

    def _fill_choices(self, choices: tuple[Choice, ...], tried: str) -> None:
        assert self._look is not None
        look = self._look
        while len(self.choices) < len(choices):
            number = len(self.choices)
            label = tk.Label(
                self.box,
                anchor="w",
                justify="left",
                borderwidth=0,
                highlightthickness=1,
                takefocus=True,
                cursor="hand2",
            )
            for sequence in ("<Button-1>", "<Return>", "<space>"):
                label.bind(sequence, partial(self._chosen, number))
            self._scrolls(label)
            self._seen(label)
            self.choices.append(label)
        room = max(80, self.winfo_width() - look.px(88))
        for label, choice in zip(self.choices, choices, strict=False):
            wrong = choice.text == tried
            label.configure(
                text=choice.text, wraplength=room,
                background=look["wrong_soft" if wrong else "button"], font=look.font(13),
                foreground=look["wrong" if wrong else "text"], highlightbackground=look["card"],
                highlightcolor=look["accent"], padx=look.px(10), pady=look.px(5),
            )  # fmt: skip
            label.pack(fill="x", pady=(0, look.px(4)))

    def _set_task(self, place: int, check: Check, walk: Walk, mistake: str) -> None:
        self.ask.configure(text=f"○  {check.ask}")
        hints = walk.hints(place, check)
        if len(hints) < len(check.hints):
            self.hint_button.pack(side="left")
            self.row.pack(fill="x")
        self._say(mistake or "\n".join(hints), "wrong" if mistake else "quiet")

    def _say(self, text: str, colour: str) -> None:
        assert self._look is not None
        self.said.configure(text=text.replace("`", ""), foreground=self._look[colour])
        if text:
            self.said.pack(fill="x")

    # ── What the learner does ─────────────────────────────────────────────────────────────────────────────────────

    def _typed(self) -> None:
        self._learner.answer(self.entry.get())

    def _chosen(self, number: int, event: tk.Event[tk.Misc]) -> str:
        question = self._walk.question if self._walk is not None else None
        if question is not None and number < len(question[1].choices):
            self._learner.answer(question[1].choices[number].text)
        return "break"

    def _onward(self) -> None:
        """The next screen; an open question is shown its answer first."""
        if self._walk is not None and self._walk.question is not None:
            self._learner.skip()
        else:
            self._go(1)

    def _go(self, by: int) -> None:
        if self._walk is not None:
            self._learner.go(self._walk.number + by)

    def _aside_clicked(self, event: tk.Event[tk.Misc]) -> None:
        """Opens the program in another library, or closes it."""
        place = f"@{event.x},{event.y}"
        tags = ("aside", "aside-open")
        ranges = next((span for tag in tags if (span := self.text.tag_prevrange(tag, f"{place} + 1 char"))), None)
        if ranges:
            library = self.text.get(*ranges)
            self._aside = "" if library == self._aside else library
            self.show(self._walk)

    # ── Appearance ────────────────────────────────────────────────────────────────────────────────────────────────

    def dress(self, look: Look) -> None:
        self._look, self._shown = look, None
        for frame in (self, self.head, self.foot, self.title, self.dots):
            frame.configure(background=look["panel"])
        for part in (self.box, self.row, self.ask, self.said):
            part.configure(background=look["card"])
        self.box.configure(highlightbackground=look["line"], highlightcolor=look["line"])
        self.title.configure(foreground=look["quiet"], font=look.font(12))
        self.dots.configure(foreground=look["quiet"], font=look.font(12))
        self.ask.configure(foreground=look["text"], font=look.font(13, bold=True))
        self.said.configure(font=look.font(13))
        self.entry.configure(
            fg_color=look["card"], border_color=look["grad"], text_color=look["grad"], bg_color=look["card"],
            font=look.widget_font(13, mono=True),
        )  # fmt: skip
        say = look.words
        self.put_back.dress(look, say("lesson.put_back"), size=11)
        self.contents.dress(look, say("lesson.contents"), size=11)
        self.close.dress(look, "✕", size=11)
        self.check_button.dress(look, say("lesson.check"), primary=True, size=12)
        self.hint_button.dress(look, say("lesson.hint"), size=12)
        self.back.dress(look, "◀", size=12)
        self._set.dress(look)
        reading.dress(self.text, look)
        self._space()
        self.show(self._walk)

    def _space(self) -> None:
        if self._look is None:
            return
        px = self._look.px
        self.head.configure(padx=px(16), pady=px(6))
        self.foot.configure(padx=px(16), pady=px(8))
        if self.box.winfo_manager() == "pack":
            self.box.pack_configure(padx=px(16), pady=(px(6), 0))
        self.ask.pack_configure(padx=px(12), pady=(px(10), px(6)))
        for widget, pad in ((self.row, (0, px(10))), (self.said, (0, px(10)))):
            if widget.winfo_manager():
                widget.pack_configure(padx=px(12), pady=pad)
        for label in self.choices:
            if label.winfo_manager():
                label.pack_configure(padx=px(12))

    def _resized(self, event: tk.Event[tk.Misc]) -> None:
        if event.widget is self and self._look is not None:
            width = max(80, event.width - self._look.px(64))
            for label in (self.ask, self.said):
                label.configure(wraplength=width)
            for label in self.choices:
                label.configure(wraplength=width - self._look.px(24))
            self._set.formulas.fit(event.width - self._look.px(40))
            self._place_box(reveal=False)
