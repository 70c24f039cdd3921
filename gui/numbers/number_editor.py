"""The elements of a few tensors as entries to type in or to drag: what the editors of seeds and of leaves share."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from core.records import TensorSnapshot
from gui import figures
from gui.i18n import Words
from gui.numbers.scrub import Scrub
from gui.numbers.typed_numbers import Numbers, Refusal, count, read
from gui.theme import Look
from gui.widgets.button import Button
from gui.widgets.toolkit import ctk

FIELDS = 8
"""Tensors with more elements than this are edited in one field, separated by commas."""
WHOLE = -1
"""Stands for the field of all elements in a refusal."""
EXAMPLES = "1/n, [1, -1], eye(0)"
"""What may be typed into the field of all elements."""
PER_ROW = 4
SIDE = 14
"""Units beside everything."""


def span_of(value: float) -> tuple[float, float]:
    """Where the slider goes for an element: as far again on both sides, past zero, and at least by two."""
    reach = max(2.0, 2 * abs(value))
    return value - reach, value + reach


class Caption(NamedTuple):
    """Attributes:
    title: what is edited.
    meaning: what the numbers mean as they stand in the fields; '' for nothing more than themselves.
    note: explains.
    changed: whether there is anything to take back.
    """

    title: str
    meaning: str
    note: str
    changed: bool


class NumberEditor(tk.Frame):
    """A title, the entries, a slider, a field for all elements at once, lines that explain or refuse, and buttons.

    What is typed counts on Enter; what is dragged counts at once. While a run is on its way nothing more is asked for
    by dragging; the last place is sent when the run is there.

    Args:
        busy: whether a run is on its way.

    Attributes:
        colour: of the palette, for the title and the numbers.
        ground: of the palette, for what lies behind them.
        symbol: what all elements together are called.
        low: units of height of the master below which there is no room for the slider and for explanations.
        entries: the fields of the elements, or the one for all of them; more may have been made than are ``used``.
        whole: the field for all elements at once.
    """

    colour = "grad"
    ground = "panel"
    symbol = ""
    low = 400

    def __init__(self, master: tk.Misc, *, busy: Callable[[], bool]) -> None:
        super().__init__(master, borderwidth=0)
        self._busy = busy
        self._look: Look | None = None
        self._tensors: list[TensorSnapshot] = []
        self._filled: list[str] = []  # what the fields said when they were filled
        self._settled: list[str] = []  # or asked for last
        self._waiting: tuple[Numbers, bool] | None = None
        self._dragging = False
        self._element = 0
        self._refusal: Refusal | None = None
        self._refused: list[str] = []  # what the fields said then
        self._told: object = None
        self.head = tk.Frame(self, borderwidth=0)
        self.title = tk.Label(self.head, anchor="w", borderwidth=0)
        self.title.pack(side="left", fill="x", expand=True)
        self.fields = tk.Frame(self, borderwidth=0)
        self.entries: list[ctk.CTkEntry] = []
        self._scrubs: list[Scrub] = []
        self.slider = ctk.CTkSlider(self, command=self._slid, height=18, number_of_steps=200)
        self.slider.bind("<ButtonRelease-1>", lambda event: self._let_go(), add="+")
        self.row = tk.Frame(self, borderwidth=0)
        self.whole_label = tk.Label(self.row, anchor="w", borderwidth=0)
        self.whole = self._entry(self.row)
        self.whole_label.pack(side="left")
        self.whole.pack(side="left", fill="x", expand=True)
        self.whole.bind("<Return>", lambda event: self._enter_whole())
        self.meaning = tk.Label(self, anchor="w", borderwidth=0, justify="left")
        self.hint = tk.Label(self, anchor="w", borderwidth=0, justify="left")
        self.buttons = tk.Frame(self, borderwidth=0)
        self.apply_button = Button(self.buttons, self.apply, width=52, height=28)
        self.reset_button = Button(self.buttons, self.take_back, width=80, height=28)
        self.apply_button.grid(row=0, column=0, padx=(0, 6), sticky="ew")
        self.reset_button.grid(row=0, column=1, sticky="ew")
        self.rule = tk.Frame(self, height=1)
        self.rule.pack(fill="x", side="top")
        self.head.pack(fill="x")
        self.fields.pack(fill="x")
        self.buttons.pack(fill="x")
        self.bind("<Configure>", self._resized)
        master.bind("<Configure>", lambda event: self._arrange(), add="+")

    # ── What each editor adds ─────────────────────────────────────────────────────────────────────────────────────

    def ask_for(self, numbers: Numbers, *, again: bool) -> None:
        """Acts on numbers that fit; ``again`` while the same drag goes on."""
        raise NotImplementedError

    def reset(self) -> None:
        """Goes back to what the program says."""
        raise NotImplementedError

    def caption(self, words: Words) -> Caption:
        """What is said beside the numbers."""
        raise NotImplementedError

    def names(self) -> Mapping[str, np.ndarray]:
        """What expressions may speak of."""
        raise NotImplementedError

    def leave(self) -> None:
        """Gives the keyboard back."""
        self.winfo_toplevel().focus_set()

    # ── What the fields say ───────────────────────────────────────────────────────────────────────────────────────

    def fill(self, tensors: Sequence[TensorSnapshot], *, anew: bool) -> None:
        """Shows the elements of tensors that are ``editable``.

        Args:
            anew: even where something was typed that was not asked for yet.
        """
        anew = anew or [tensor.shape for tensor in tensors] != [tensor.shape for tensor in self._tensors]
        self._tensors = list(tensors)
        if not anew and (self._busy() or self._texts() != self._settled):
            return
        texts = [figures.number(x) for tensor in tensors for x in tensor.head]
        if anew:
            self._element, self._waiting = 0, None
        if anew or texts != self._elements():
            self._clear_whole()
        self._show([", ".join(texts)] if len(texts) > FIELDS else texts)
        self._settled = self._filled = self._texts()
        self.refuse(None)
        self._place_slider(centred=anew)

    def typed(self) -> list[float | None]:
        """The elements as the fields say them now; None for what cannot be read."""
        total = count(self._tensors)
        texts = [self.whole.get()] if self._whole_typed else self._elements()
        numbers = read(texts, self._tensors, self.names())
        if not isinstance(numbers, Refusal):
            return list(numbers)
        return [self._read_element(field) for field in range(total)] if len(texts) == total else [None] * total

    def used(self) -> list[ctk.CTkEntry]:
        return [entry for entry in self.entries if entry.winfo_manager()]

    def apply(self) -> None:
        """Asks for what is typed; a field that is wrong is refused here, in one line."""
        if self._tensors and self._whole_typed:
            self._enter_whole()
        elif self._tensors:
            self._enter_elements()

    def apply_to_all(self, expression: str) -> None:
        """Asks for what an expression gives; it stands in its field then."""
        if len(self.used()) > 1:
            self._clear_whole()
            self.whole.insert(0, expression)
            self._enter_whole()
        else:
            self._write(0, expression)
            self._enter_elements()

    def take_back(self) -> None:
        """What the program says, in the fields too."""
        self.fill(self._tensors, anew=True)
        self.reset()

    def refuse(self, refusal: Refusal | None) -> None:
        """What is wrong; None for nothing."""
        self._refused = self._texts()
        if refusal != self._refusal:
            self._refusal = refusal
            self._mark()
        self._arrange()

    def focus_field(self, element: int) -> None:
        """Puts the keyboard into the field of an element."""
        used = self.used()
        if used:
            entry = used[min(element, len(used) - 1)]
            entry.focus_set()
            entry.select_range(0, "end")

    def go_on(self) -> None:
        """Asks for what waited for a run, once that is over."""
        if not self._busy() and self._waiting is not None:
            numbers, again = self._waiting
            self._settle(numbers, again=again)

    def _elements(self) -> list[str]:
        return [entry.get() for entry in self.used()]

    def _texts(self) -> list[str]:
        return [*self._elements(), self.whole.get()]

    def _read_element(self, field: int) -> float | None:
        """What the field of an element says."""
        texts = ["0"] * count(self._tensors)
        texts[field] = self.entries[field].get()
        numbers = read(texts, self._tensors, self.names())
        return None if isinstance(numbers, Refusal) else numbers[field]

    @property
    def _whole_typed(self) -> bool:
        """Whether the field for all elements holds something that was not asked for yet."""
        return bool(self.whole.get().strip()) and self.whole.get() not in self._settled[-1:]

    def _enter_elements(self) -> None:
        texts = self._elements()
        numbers = read(texts, self._tensors, self.names())
        self.refuse(numbers if isinstance(numbers, Refusal) else None)
        if not isinstance(numbers, Refusal):
            if texts != self._settled[:-1]:
                self._clear_whole()  # it does not say any more what they are
            self._settle(numbers)

    def _enter_whole(self) -> None:
        """An expression for all elements; Enter with nothing in the field asks for what the others say."""
        if not self.whole.get().strip():
            self._enter_elements()
            return
        numbers = read([self.whole.get()], self._tensors, self.names())
        if isinstance(numbers, Refusal):
            self.refuse(numbers._replace(field=WHOLE))
            return
        for field, number in enumerate(numbers):
            self._write(field, figures.number(number))
        self.refuse(None)
        self._settle(numbers)

    def _settle(self, numbers: Numbers, *, again: bool = False) -> None:
        self._settled, self._waiting = self._texts(), None
        self.ask_for(numbers, again=again)

    # ── Dragging ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _move(self, field: int, value: float) -> None:
        """Another number in a field, asked for as soon as no run is on its way."""
        self._write(field, figures.number(value))
        self._clear_whole()
        numbers = read(self._elements(), self._tensors, self.names())
        self.refuse(numbers if isinstance(numbers, Refusal) else None)
        if isinstance(numbers, Refusal):
            return
        again = self._dragging if self._waiting is None else self._waiting[1]
        self._dragging = True
        if self._busy():
            self._settled, self._waiting = self._texts(), (numbers, again)
        else:
            self._settle(numbers, again=again)

    def _slid(self, value: float) -> None:
        if self._tensors:
            self._move(self._element, round(value, 4))

    def _let_go(self) -> None:
        self._dragging = False
        self._place_slider(centred=True)

    def _scrubbed(self, field: int, value: float) -> None:
        self._element = field
        self._move(field, value)

    def _entered(self, field: int) -> None:
        """An entry has got the keyboard: the slider is for its element."""
        self._element = field
        self._place_slider(centred=True)

    def _place_slider(self, *, centred: bool = False) -> None:
        """A slider for single numbers; a long list has none, and a low window has no room.

        Args:
            centred: it may reach as far again on both sides from here.
        """
        if not 0 < count(self._tensors) <= FIELDS or self._is_low():
            self.slider.pack_forget()
            return
        value = self._read_element(min(self._element, len(self.used()) - 1))
        if value is not None and np.isfinite(value):
            low, high = span_of(value)
            if centred or not self.slider.cget("from_") <= value <= self.slider.cget("to"):
                self.slider.configure(from_=low, to=high)
            self.slider.set(value)
        if not self.slider.winfo_manager():
            # In units, which customtkinter enlarges; the bar begins six inside of the slider.
            self.slider.pack(fill="x", padx=SIDE - 6, pady=(0, 8), after=self.fields)

    # ── Appearance ────────────────────────────────────────────────────────────────────────────────────────────────

    def tell(self) -> None:
        """What is said beside the numbers, as it is now."""
        look = self._look
        if look is None:
            return
        caption, low = self.caption(look.words), self._is_low()
        touched = self._texts() != self._filled
        problem = self._refusal.said(look.words) if self._refusal is not None else ""
        told = (caption, touched, problem, low, look)
        if told == self._told:
            return
        self._told = told
        note = caption.note
        if len(self.used()) < count(self._tensors):
            note += "\n" + look.words("seed.large", needed=count(self._tensors))
        self.title.configure(text=caption.title)
        self.whole_label.configure(text=f"{figures.clip(self.symbol, 12)} =")
        self.meaning.configure(text=caption.meaning)
        self.hint.configure(text=problem or note, foreground=look["wrong" if problem else "quiet"])
        self.reset_button.configure(state="normal" if caption.changed or touched else "disabled")
        self._show_lines(
            bool(caption.meaning) and not (low and problem), bool(problem) or not (low and caption.meaning)
        )

    def _show_lines(self, meaning: bool, hint: bool) -> None:
        """Which of the two texts there is room for."""
        assert self._look is not None
        side, gap = self._look.px(SIDE), self._look.px(8)
        for label, shown, below in ((self.meaning, meaning, 0 if hint else gap), (self.hint, hint, gap)):
            if not shown:
                label.pack_forget()
            elif not label.winfo_manager():
                label.pack(fill="x", padx=side, before=self.buttons)
            if shown:
                label.pack_configure(pady=(0, below))
        if meaning and hint:
            self.meaning.pack_configure(before=self.hint)

    def dress(self, look: Look) -> None:
        self._look = look
        for widget in (self, self.head, self.fields, self.row, self.buttons, self.title, self.whole_label, self.meaning,
                       self.hint):  # fmt: skip
            widget.configure(background=look[self.ground])
        self.rule.configure(background=look["line"])
        self.title.configure(foreground=look[self.colour], font=look.font(12, bold=True))
        self.meaning.configure(foreground=look["text"], font=look.font(12))
        self.hint.configure(font=look.font(12))
        self.whole_label.configure(foreground=look["quiet"], font=look.font(13, mono=True))
        for entry in (*self.entries, self.whole):
            self._dress_entry(entry)
        self.whole.configure(placeholder_text_color=look["quiet"], placeholder_text=EXAMPLES)
        self._mark()
        for scrub in self._scrubs:
            scrub.scale = look.scale
        self.slider.configure(
            fg_color=look["line"], progress_color=look[self.colour], button_color=look[self.colour],
            button_hover_color=look[self.colour], bg_color=look[self.ground],
        )  # fmt: skip
        self.apply_button.dress(look, look.words("seed.apply"), ground=self.ground, primary=True, size=12)
        self.reset_button.dress(look, look.words("seed.reset"), ground=self.ground, size=12)
        side = look.px(SIDE)
        self.head.pack_configure(padx=side, pady=(look.px(10), look.px(6)))
        self.fields.pack_configure(padx=side)
        self.buttons.pack_configure(padx=side, pady=(0, look.px(12)))
        self.whole_label.pack_configure(padx=(0, look.px(8)))
        for part in (self.slider, self.row, self.meaning, self.hint):
            part.pack_forget()
        self._told = None
        self._arrange()

    def _mark(self) -> None:
        """The field that has the keyboard has a border of its own, the one that is wrong a ground too."""
        if self._look is None:
            return
        keyboard = str(self.tk.call("focus"))
        wrong = self._refusal.field if self._refusal is not None else None
        for field, entry in ((WHOLE, self.whole), *enumerate(self.used())):
            border, ground = ("line" if field == WHOLE else self.colour, "card")
            if field == wrong:
                border, ground = "wrong", "wrong_soft"
            elif str(entry._entry) == keyboard:
                border = "accent"
            entry.configure(border_color=self._look[border], fg_color=self._look[ground])

    def _entry(self, master: tk.Misc) -> ctk.CTkEntry:
        entry = ctk.CTkEntry(master, width=40, height=28, corner_radius=6, border_width=1)
        entry.bind("<KeyRelease>", lambda event: self._typed_on())
        entry.bind("<Escape>", lambda event: self._escaped())
        entry.bind("<FocusOut>", lambda event: entry.select_clear())
        for sequence in ("<FocusIn>", "<FocusOut>"):
            entry.bind(sequence, lambda event: self._mark())
        return entry

    def _typed_on(self) -> None:
        """What was wrong is forgotten with the next letter."""
        if self._refusal is not None and self._texts() != self._refused:
            self.refuse(None)
        self.tell()

    def _escaped(self) -> str:
        self.leave()
        return "break"

    def _show(self, texts: list[str]) -> None:
        while len(self.entries) < len(texts):
            self._add_entry(len(self.entries))
        single = count(self._tensors) > len(texts)
        for column in range(PER_ROW):
            self.fields.grid_columnconfigure(column, weight=1 if column < min(len(texts), PER_ROW) else 0)
        for number, entry in enumerate(self.entries):
            if number >= len(texts):
                entry.grid_forget()
                continue
            row, column = divmod(number, PER_ROW)
            entry.grid(row=row, column=column, padx=(6 if column else 0, 0), pady=(0, 6), sticky="ew")
            entry.configure(justify="left" if single else "center")
            entry._entry.configure(cursor="xterm" if single else "sb_h_double_arrow")
            self._write(number, texts[number])
        self._arrange()

    def _add_entry(self, number: int) -> None:
        entry = self._entry(self.fields)
        entry.configure(border_width=2)
        entry.bind("<Return>", lambda event: self._enter_elements())
        entry.bind("<FocusIn>", lambda event: self._entered(number))
        self._scrubs.append(
            Scrub(
                entry, read=partial(self._scrubbed_from, number), on_move=partial(self._scrubbed, number),
                on_rest=self._let_go,
            )
        )  # fmt: skip
        self.entries.append(entry)
        if self._look is not None:
            self._scrubs[-1].scale = self._look.scale
            self._dress_entry(entry)

    def _scrubbed_from(self, field: int) -> float | None:
        """What a field says, where it is that of one element."""
        return self._read_element(field) if len(self.used()) == count(self._tensors) else None

    def _clear_whole(self) -> None:
        if self.whole.get():
            self.whole.delete(0, "end")
            if str(self.tk.call("focus")) != str(self.whole._entry):
                self.whole.configure(placeholder_text=EXAMPLES)  # it does not come back by itself

    def _write(self, field: int, text: str) -> None:
        entry = self.entries[field]
        if entry.get() != text:
            entry.delete(0, "end")
            entry.insert(0, text)

    def _dress_entry(self, entry: ctk.CTkEntry) -> None:
        assert self._look is not None
        look = self._look
        entry.configure(
            fg_color=look["card"], border_color=look[self.colour], text_color=look[self.colour],
            bg_color=look[self.ground], font=look.widget_font(13, mono=True),
        )  # fmt: skip

    def _is_low(self) -> bool:
        return self._look is not None and self.master.winfo_height() < self.low * self._look.scale

    def _arrange(self) -> None:
        """What there is room for; in a low window the slider gives way."""
        if self._look is None or not self._tensors:
            return
        px = self._look.px
        self._place_slider()
        if len(self.used()) > 1:
            if not self.row.winfo_manager():
                self.row.pack(fill="x", padx=px(SIDE), pady=(0, px(8)), after=self.slider if
                              self.slider.winfo_manager() else self.fields)  # fmt: skip
        else:
            self.row.pack_forget()
        self.tell()

    def _resized(self, event: tk.Event[tk.Misc]) -> None:
        self._wrap(event.width)

    def _wrap(self, width: int) -> None:
        """Lines as long as there is room for in so many pixels."""
        if self._look is not None:
            for label in (self.meaning, self.hint):
                label.configure(wraplength=max(80, width - 2 * self._look.px(SIDE + 2)))
