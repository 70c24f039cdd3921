"""The elements of a few tensors as entries to type in: what the editors of seeds and of leaves have in common."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Sequence

from core.records import TensorSnapshot
from gui import figures
from gui.button import Button
from gui.i18n import Words
from gui.theme import Look
from gui.toolkit import ctk

FIELDS = 8
"""Tensors with more elements than this are edited in one field, separated by commas."""
PER_ROW = 4
LOW = 400
"""Units of height below which the column has no room for explanations."""
LARGEST = 512
"""Elements that are offered for editing."""


def editable(tensors: Sequence[TensorSnapshot | None]) -> bool:
    """Whether these are few elements, all of them known."""
    known = [tensor for tensor in tensors if tensor is not None and tensor.data is not None]
    return bool(known) and len(known) == len(tensors) and sum(tensor.numel for tensor in known) <= LARGEST


def read_numbers(
    texts: Sequence[str], tensors: Sequence[TensorSnapshot], words: Words
) -> tuple[tuple[float, ...] | None, str]:
    """The numbers of the fields, or one line that says what is wrong with them."""
    needed = sum(tensor.numel for tensor in tensors)
    if not all(text.strip() for text in texts):
        return None, words("seed.empty")
    try:
        numbers = figures.parse_numbers(" ".join(texts))
    except ValueError as error:
        return None, words("seed.number", text=figures.clip(str(error), 20))
    if len(numbers) != needed:
        shape = ", ".join(figures.shape(tensor.shape) for tensor in tensors)
        return None, words("seed.shape", needed=needed, shape=shape, given=len(numbers))
    # What still stands as it was shown, with four digits, means the number that was shown.
    shown = [float(x) for tensor in tensors for x in tensor.head]
    return tuple(s if figures.number(s) == figures.number(n) else n for s, n in zip(shown, numbers, strict=True)), ""


class NumberEditor(tk.Frame):
    """A title, the entries, one line below them that explains or says what is wrong, and two buttons.

    Attributes:
        colour: of the palette, for the title and the numbers.
    """

    colour = "grad"

    def __init__(self, master: tk.Misc) -> None:
        super().__init__(master, borderwidth=0)
        self._look: Look | None = None
        self._tensors: list[TensorSnapshot] = []
        self._captioned: object = None
        self._problem = ""
        self.title = tk.Label(self, anchor="w", borderwidth=0)
        self.hint = tk.Label(self, anchor="w", borderwidth=0, justify="left")
        self.fields = tk.Frame(self, borderwidth=0)
        self.entries: list[ctk.CTkEntry] = []
        self.buttons = tk.Frame(self, borderwidth=0)
        self.apply_button = Button(self.buttons, self.apply, width=60, height=28)
        self.reset_button = Button(self.buttons, self.reset, width=90, height=28)
        self.apply_button.grid(row=0, column=0, padx=(0, 8), sticky="ew")
        self.reset_button.grid(row=0, column=1, sticky="ew")
        self.rule = tk.Frame(self, height=1)
        self.rule.pack(fill="x", side="top")
        self.title.pack(fill="x", padx=16, pady=(12, 8))
        self.fields.pack(fill="x", padx=16)
        self.hint.pack(fill="x", padx=16, pady=(2, 8))
        self.buttons.pack(fill="x", padx=16, pady=(0, 14))
        self.bind("<Configure>", self._resized)
        master.bind("<Configure>", lambda event: self._arrange(), add="+")

    # ── What each editor adds ─────────────────────────────────────────────────────────────────────────────────────

    def ask_for(self, numbers: tuple[float, ...]) -> None:
        """Acts on numbers that fit."""
        raise NotImplementedError

    def reset(self) -> None:
        """Goes back to what the program says."""
        raise NotImplementedError

    def caption(self, words: Words) -> tuple[str, str, bool]:
        """Title, explanation, and whether there is anything to reset."""
        raise NotImplementedError

    # ── Entries ───────────────────────────────────────────────────────────────────────────────────────────────────

    def fill(self, tensors: Sequence[TensorSnapshot]) -> None:
        """Shows the elements of tensors that are ``editable``."""
        self._tensors = list(tensors)
        self._fill([figures.number(x) for tensor in tensors for x in tensor.head])
        self.say("")

    def focus_first(self) -> None:
        """Puts the keyboard into the first field."""
        used = self.used()
        if used:
            used[0].focus_set()
            used[0].select_range(0, "end")

    def apply(self) -> None:
        """Checks the fields; a wrong one is refused here, in one line."""
        if not self._tensors or self._look is None:
            return
        numbers, problem = read_numbers([entry.get() for entry in self.used()], self._tensors, self._look.words)
        self.say(problem)
        if numbers is not None:
            self.ask_for(numbers)

    def used(self) -> list[ctk.CTkEntry]:
        return [entry for entry in self.entries if entry.winfo_manager()]

    def say(self, problem: str) -> None:
        """What is wrong; '' for nothing."""
        self._problem = problem
        self._arrange()
        self.tell()
        if self._look is not None:
            for entry in self.used():
                entry.configure(border_color=self._look["wrong" if problem else self.colour])

    def tell(self) -> None:
        """Title, explanation and buttons as they are now."""
        look = self._look
        if look is None:
            return
        title, hint, changed = self.caption(look.words)
        if len(self.used()) == 1 and sum(tensor.numel for tensor in self._tensors) > 1:
            hint = look.words("seed.large", needed=sum(tensor.numel for tensor in self._tensors)) + "\n" + hint
        caption = (title, hint, changed, self._problem, look)
        if caption == self._captioned:
            return
        self._captioned = caption
        self.title.configure(text=title)
        self.hint.configure(text=self._problem or hint, foreground=look["wrong" if self._problem else "quiet"])
        self.reset_button.configure(state="normal" if changed else "disabled")

    def dress(self, look: Look) -> None:
        self._look = look
        for widget in (self, self.fields, self.buttons, self.title, self.hint):
            widget.configure(background=look["panel"])
        self.rule.configure(background=look["line"])
        self.title.configure(foreground=look[self.colour], font=look.font(12, bold=True))
        self.hint.configure(foreground=look["quiet"], font=look.font(12))
        for entry in self.entries:
            self._dress_entry(entry)
        self.apply_button.dress(look, look.words("seed.apply"), primary=True, size=12)
        self.reset_button.dress(look, look.words("seed.reset"), size=12)
        side = look.px(16)
        self.title.pack_configure(padx=side, pady=(look.px(12), look.px(8)))
        self.fields.pack_configure(padx=side)
        self.hint.pack_forget()
        self._arrange()
        self.tell()
        self.buttons.pack_configure(padx=side, pady=(0, look.px(14)))

    def entered(self, entry: ctk.CTkEntry) -> None:
        """An entry has got the keyboard."""

    def _fill(self, texts: list[str]) -> None:
        if len(texts) > FIELDS:
            texts = [", ".join(texts)]
        single = len(texts) == 1
        while len(self.entries) < len(texts):
            entry = ctk.CTkEntry(self.fields, width=64, height=30, corner_radius=6, border_width=2, justify="center")
            entry.bind("<Return>", lambda event: self.apply())
            entry.bind("<Escape>", lambda event: self.winfo_toplevel().focus_set())
            entry.bind("<FocusIn>", lambda event, entry=entry: self.entered(entry))
            self.entries.append(entry)
            if self._look is not None:
                self._dress_entry(entry)
        for column in range(PER_ROW):
            self.fields.grid_columnconfigure(column, weight=1 if column < min(len(texts), PER_ROW) else 0)
        for number, entry in enumerate(self.entries):
            if number >= len(texts):
                entry.grid_forget()
                continue
            entry.grid(row=number // PER_ROW, column=number % PER_ROW, padx=(0, 6), pady=(0, 6), sticky="ew")
            entry.configure(justify="left" if single and len(texts[0]) > 12 else "center")
            if entry.get() != texts[number]:
                entry.delete(0, "end")
                entry.insert(0, texts[number])

    def _dress_entry(self, entry: ctk.CTkEntry) -> None:
        assert self._look is not None
        look = self._look
        entry.configure(
            fg_color=look["card"], border_color=look[self.colour], text_color=look[self.colour],
            bg_color=look["panel"], font=look.widget_font(13, mono=True),
        )  # fmt: skip

    def _arrange(self) -> None:
        """In a low column the explanation gives way; what is wrong is always said."""
        if self._look is None:
            return
        low = self.master.winfo_height() < LOW * self._look.scale and not self._problem
        if low == bool(self.hint.winfo_manager()):
            if low:
                self.hint.pack_forget()
            else:
                self.hint.pack(fill="x", padx=self._look.px(16), pady=(self._look.px(2), self._look.px(8)),
                               before=self.buttons)  # fmt: skip

    def _resized(self, event: tk.Event[tk.Misc]) -> None:
        if self._look is not None:
            self.hint.configure(wraplength=max(80, event.width - self._look.px(32)))
