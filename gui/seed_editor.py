"""The seed of the current backward pass, edited element by element or from a preset."""

from __future__ import annotations

import random
import tkinter as tk
from collections.abc import Callable

from core.playback import Playback
from gui import figures
from gui.button import Button
from gui.i18n import Words
from gui.menu import RULE, Entry, PopUp
from gui.number_editor import FIELDS, NumberEditor, editable
from gui.theme import Look

Seed = tuple[float, ...]
TERMS = 4
"""Terms of the loss that are written out."""


def seed_pass(playback: Playback | None) -> int | None:
    """The pass whose seed is edited: the current one, before it the next one."""
    if playback is None or not playback.trace.passes:
        return None
    if playback.current_pass is not None:
        return playback.current_pass
    return min(playback.index.pass_at, key=playback.index.pass_at.__getitem__, default=None)


def basis(count: int, number: int) -> Seed:
    """The unit vector eᵢ."""
    return tuple(float(number == other) for other in range(count))


def written_loss(seed: Seed, name: str) -> str:
    """The loss whose gradient the seed asks for: ``L = 1·Q[0] − 2·Q[1]``."""
    if len(seed) == 1:
        return f"L = {figures.number(seed[0])}·{name}"
    text = ""
    for number, weight in enumerate(seed[:TERMS]):
        sign = "−" if weight < 0 or (weight == 0 and str(weight) == "-0.0") else "+"
        text += f" {sign} " if text else "−" if sign == "−" else ""
        text += f"{figures.number(abs(weight))}·{name}[{number}]"
    return f"L = {text}{' + …' if len(seed) > TERMS else ''}"


class SeedEditor(NumberEditor):
    """``on_seed(pass, numbers)`` on Enter or by a preset, numbers None for the program's own seed."""

    def __init__(self, master: tk.Misc, *, on_seed: Callable[[int, Seed | None], None], menu: PopUp) -> None:
        super().__init__(master)
        self._on_seed = on_seed
        self._menu = menu
        self._playback: Playback | None = None
        self._pass: int | None = None
        self._shown: object = None
        self.presets_button = Button(self.buttons, self._open_presets, width=70, height=28)
        self._place_presets(narrow=False)

    def show(self, playback: Playback | None) -> bool:
        """Fills the fields with the seed of the current pass; False where there is none to edit."""
        number = seed_pass(playback)
        if playback is None or number is None or not editable(playback.trace.passes[number].seeds):
            self._pass, self._shown, self._tensors = None, None, []
            return False
        self._pass, self._playback = number, playback
        shown = (id(playback.trace), number)
        if shown != self._shown:
            self._shown = shown
            self.fill([seed for seed in playback.trace.passes[number].seeds if seed is not None])
        self.tell()
        return True

    def caption(self, words: Words) -> tuple[str, str, bool]:
        if self._playback is None or self._pass is None:
            return "", "", False
        backward = self._playback.trace.passes[self._pass]
        name = words("seed.loss")
        node = backward.roots[0][0] if backward.roots else -1
        if node >= 0 and backward.nodes[node].value is not None:
            names = self._playback.trace.values[backward.nodes[node].value or 0].names
            name = names[0] if names else name
        flat = len(self._tensors) == 1 and len(self._tensors[0].shape) <= 1
        loss = written_loss(tuple(self._tensors[0].head), name) if flat else words("seed.product", name=name)
        return words("seed.title", number=self._pass + 1), f"{loss}\n{words('seed.hint')}", backward.seeded

    def presets(self, words: Words) -> list[Entry]:
        """Ones, each unit vector, random numbers."""
        count = sum(tensor.numel for tensor in self._tensors)
        units = [
            Entry(words("seed.unit", n=number + 1), lambda number=number: self.ask_for(basis(count, number)))  # type: ignore[misc]
            for number in range(min(count, FIELDS) if count > 1 else 0)
        ]
        return [
            Entry(words("seed.ones"), lambda: self.ask_for((1.0,) * count)),
            *units,
            RULE,
            Entry(
                words("seed.random"), lambda: self.ask_for(tuple(round(random.gauss(0, 1), 3) for _ in range(count)))
            ),
        ]

    def ask_for(self, numbers: Seed) -> None:
        if self._pass is not None:
            self._on_seed(self._pass, numbers)

    def reset(self) -> None:
        if self._pass is not None:
            self._on_seed(self._pass, None)

    def dress(self, look: Look) -> None:
        super().dress(look)
        self.presets_button.dress(look, look.words("seed.presets"), size=12)

    def _resized(self, event: tk.Event[tk.Misc]) -> None:
        super()._resized(event)
        row = (self.apply_button, self.reset_button, self.presets_button)
        room = event.width - 2 * (self._look.px(16) if self._look else 16)
        self._place_presets(narrow=sum(button.winfo_reqwidth() + 8 for button in row) > room)

    def _place_presets(self, *, narrow: bool) -> None:
        """Beside the other buttons, or below them."""
        if narrow:
            self.presets_button.grid(row=1, column=0, columnspan=2, padx=0, pady=(6, 0), sticky="ew")
        else:
            self.presets_button.grid(row=0, column=2, columnspan=1, padx=(8, 0), pady=0, sticky="ew")

    def _open_presets(self) -> None:
        if self._look is not None:
            button = self.presets_button
            entries = self.presets(self._look.words)
            self._menu.show(entries, button.winfo_rootx(), button.winfo_rooty() + button.winfo_height())
