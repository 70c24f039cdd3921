"""The seed of the current backward pass, edited element by element."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from core.playback import Playback
from core.records import TensorSnapshot
from gui import figures
from gui.button import Button
from gui.i18n import Words
from gui.theme import Look
from gui.toolkit import ctk

FIELDS = 8
"""Seeds with more elements than this are edited in one field, separated by commas."""
PER_ROW = 4
LOW = 400
"""Units of height below which the column has no room for explanations."""
LARGEST = 512
"""Elements of a seed that is offered for editing."""


def seed_pass(playback: Playback | None) -> int | None:
    """The pass whose seed is edited: the current one, before it the next one."""
    if playback is None or not playback.trace.passes:
        return None
    if playback.current_pass is not None:
        return playback.current_pass
    return min(playback.index.pass_at, key=playback.index.pass_at.__getitem__, default=None)


def read_seed(texts: list[str], seeds: list[TensorSnapshot], words: Words) -> tuple[tuple[float, ...] | None, str]:
    """The numbers of the fields, or one line that says what is wrong with them."""
    needed = sum(seed.numel for seed in seeds)
    if not all(text.strip() for text in texts):
        return None, words("seed.empty")
    try:
        numbers = figures.parse_numbers(" ".join(texts))
    except ValueError as error:
        return None, words("seed.number", text=figures.clip(str(error), 20))
    if len(numbers) != needed:
        shape = ", ".join(figures.shape(seed.shape) for seed in seeds)
        return None, words("seed.shape", needed=needed, shape=shape, given=len(numbers))
    return numbers, ""


class SeedEditor(tk.Frame):
    """Entries for the elements; ``on_seed(pass, numbers)`` on Enter, numbers None for the program's own seed."""

    def __init__(self, master: tk.Misc, *, on_seed: Callable[[int, tuple[float, ...] | None], None]) -> None:
        super().__init__(master, borderwidth=0)
        self._on_seed = on_seed
        self._look: Look | None = None
        self._playback: Playback | None = None
        self._pass: int | None = None
        self._seeds: list[TensorSnapshot] = []
        self._shown: object = None
        self._captioned: object = None
        self._problem = ""
        self.title = tk.Label(self, anchor="w", borderwidth=0)
        self.hint = tk.Label(self, anchor="w", borderwidth=0, justify="left")
        self.fields = tk.Frame(self, borderwidth=0)
        self.entries: list[ctk.CTkEntry] = []
        self.buttons = tk.Frame(self, borderwidth=0)
        self.apply_button = Button(self.buttons, self.apply, width=60, height=28)
        self.reset_button = Button(self.buttons, self._reset, width=90, height=28)
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

    def show(self, playback: Playback | None) -> bool:
        """Fills the fields with the seed of the current pass; False where there is none to edit."""
        number = seed_pass(playback)
        if playback is None or number is None:
            self._pass, self._shown = None, None
            return False
        backward = playback.trace.passes[number]
        seeds = [seed for seed in backward.seeds if seed is not None]
        total = sum(seed.numel for seed in seeds)
        if not seeds or len(seeds) != len(backward.seeds) or total > LARGEST or any(s.data is None for s in seeds):
            self._pass, self._shown = None, None
            return False
        self._pass, self._seeds = number, seeds
        shown = (id(playback.trace), number)
        if shown != self._shown:
            self._shown = shown
            self._fill([figures.number(x) for seed in seeds for x in seed.head])
            self._playback = playback
            self._say("")
        self._caption(playback)
        return True

    def _caption(self, playback: Playback) -> None:
        look = self._look
        if look is None or self._pass is None:
            return
        backward = playback.trace.passes[self._pass]
        name = look.words("seed.loss")
        node = backward.roots[0][0] if backward.roots else -1
        if node >= 0 and backward.nodes[node].value is not None:
            names = playback.trace.values[backward.nodes[node].value or 0].names
            name = names[0] if names else name
        caption = (self._shown, self._problem, look)
        if caption == self._captioned:
            return
        self._captioned = caption
        self.title.configure(text=look.words("seed.title", number=self._pass + 1))
        hint = look.words("seed.hint", name=name)
        if len(self._seeds) and sum(seed.numel for seed in self._seeds) > FIELDS:
            hint = look.words("seed.large", needed=sum(seed.numel for seed in self._seeds)) + "\n" + hint
        self.hint.configure(text=self._problem or hint, foreground=look["wrong" if self._problem else "quiet"])
        self.reset_button.configure(state="normal" if backward.seeded else "disabled")

    def focus_first(self) -> None:
        """Puts the keyboard into the first field."""
        if self._pass is not None and self.entries:
            self.entries[0].focus_set()
            self.entries[0].select_range(0, "end")

    def apply(self) -> None:
        """Checks the fields; a wrong one is refused here, in one line."""
        if self._pass is None or self._look is None:
            return
        numbers, problem = read_seed([entry.get() for entry in self._used()], self._seeds, self._look.words)
        self._say(problem)
        if numbers is not None:
            self._on_seed(self._pass, numbers)

    def dress(self, look: Look) -> None:
        self._look = look
        for widget in (self, self.fields, self.buttons, self.title, self.hint):
            widget.configure(background=look["panel"])
        self.rule.configure(background=look["line"])
        self.title.configure(foreground=look["grad"], font=look.font(12, bold=True))
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
        self.buttons.pack_configure(padx=side, pady=(0, look.px(14)))

    def _used(self) -> list[ctk.CTkEntry]:
        return [entry for entry in self.entries if entry.winfo_manager()]

    def _fill(self, texts: list[str]) -> None:
        if len(texts) > FIELDS:
            texts = [", ".join(texts)]
        single = len(texts) == 1
        while len(self.entries) < len(texts):
            entry = ctk.CTkEntry(self.fields, width=64, height=30, corner_radius=6, border_width=2, justify="center")
            entry.bind("<Return>", lambda event: self.apply())
            entry.bind("<Escape>", lambda event: self.winfo_toplevel().focus_set())
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
            entry.delete(0, "end")
            entry.insert(0, texts[number])

    def _dress_entry(self, entry: ctk.CTkEntry) -> None:
        assert self._look is not None
        look = self._look
        entry.configure(
            fg_color=look["card"], border_color=look["grad"], text_color=look["grad"], bg_color=look["panel"],
            font=look.widget_font(13, mono=True),
        )  # fmt: skip

    def _say(self, problem: str) -> None:
        self._problem = problem
        self._arrange()
        if self._playback is not None:
            self._caption(self._playback)
        if self._look is not None:
            for entry in self._used():
                entry.configure(border_color=self._look["wrong" if problem else "grad"])

    def _reset(self) -> None:
        if self._pass is not None:
            self._on_seed(self._pass, None)

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
