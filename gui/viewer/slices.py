"""Which plane of a tensor of many axes is seen, and which part of complex numbers: a row of fields and buttons."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from core.arrays import Place
from gui.theme import Look
from gui.viewer.seen import PARTS
from gui.widgets import wheel
from gui.widgets.button import Button


class Axis:
    """The place of one axis: a field to type it in, and the ways to its neighbours.

    Args:
        on_step: called with 1 or -1.
        on_type: called when something else stands in the field.
    """

    def __init__(self, master: tk.Misc, on_step: Callable[[int], object], on_type: Callable[[], object]) -> None:
        self.sign = tk.Label(master, borderwidth=0)
        self.back = Button(master, lambda: on_step(-1), width=22, height=24)
        self.on = Button(master, lambda: on_step(1), width=22, height=24)
        digits = (master.register(lambda text: not text or text.isdecimal()), "%P")
        self.field = tk.Entry(
            master, justify="center", relief="flat", borderwidth=0, highlightthickness=1, validate="key",
            validatecommand=digits,
        )  # fmt: skip
        for sequence in ("<Return>", "<FocusOut>"):
            self.field.bind(sequence, lambda event: on_type())
        for sequence, by in (("<Up>", 1), ("<Down>", -1)):
            self.field.bind(sequence, lambda event, by=by: on_step(by))  # type: ignore[misc]
        wheel.bind(self.field, lambda dx, dy: on_step(-1 if dy > 0 else 1), lambda notches, x, y: None)
        self.widgets = (self.sign, self.back, self.field, self.on)

    def write(self, place: int) -> None:
        if self.field.get() != str(place):
            self.field.delete(0, "end")
            self.field.insert(0, str(place))

    def dress(self, look: Look) -> None:
        mono = look.font(12, mono=True)
        self.sign.configure(background=look["panel"], foreground=look["quiet"], font=mono)
        self.back.dress(look, "‹")
        self.on.dress(look, "›")
        self.field.configure(
            background=look["card"], foreground=look["text"], insertbackground=look["text"], font=mono,
            highlightbackground=look["line"], highlightcolor=look["accent"], selectbackground=look["running_span"],
            selectforeground=look["text"],
        )  # fmt: skip


class Slices(tk.Frame):
    """A field for each axis before the last two, and a button for each part.

    Args:
        on_slice: called with the places of those axes.
        on_part: called with a key of ``seen.PARTS``.

    Attributes:
        needed: whether there is anything to choose.
    """

    def __init__(self, master: tk.Misc, on_slice: Callable[[Place], object], on_part: Callable[[str], object]) -> None:
        super().__init__(master, borderwidth=0)
        self._on_slice = on_slice
        self._look: Look | None = None
        self._sizes: Place = ()
        self._fixed: Place = ()
        self._part = ""
        self._axes: list[Axis] = []  # customtkinter's buttons cannot be destroyed one by one: they are used again
        self.closing = tk.Label(self, text=" , : , : ]", borderwidth=0)
        self.parts = {part: Button(self, lambda part=part: on_part(part), width=20, height=24) for part in PARTS}  # type: ignore[misc]

    @property
    def axes(self) -> list[Axis]:
        """Those of the tensor that is shown."""
        return self._axes[: len(self._sizes)]

    @property
    def needed(self) -> bool:
        return bool(self._sizes or self._part)

    def show(self, sizes: Place, fixed: Place, part: str) -> None:
        """The axes and where they stand; the part that is seen, '' of real numbers."""
        if (sizes, part) != (self._sizes, self._part):
            self._sizes, self._part = sizes, part
            self._arrange()
        self._fixed = fixed
        for axis, place in zip(self.axes, fixed, strict=True):
            axis.write(place)

    def dress(self, look: Look) -> None:
        self._look = look
        self.configure(background=look["panel"])
        for axis in self._axes:
            axis.dress(look)
        self.closing.configure(
            background=look["panel"], foreground=look["quiet"], font=look.font(12, mono=True)
        )  # fmt: skip
        for part, button in self.parts.items():
            button.dress(look, look.words(f"viewer.{part}"), size=11)
            if part != self._part:
                button.configure(text_color=look["quiet"], fg_color=look["panel"])

    def _arrange(self) -> None:
        for widget in self.pack_slaves():
            widget.pack_forget()
        while len(self._axes) < len(self._sizes):
            number = len(self._axes)
            self._axes.append(Axis(self, lambda by, number=number: self._step(number, by), self._typed))  # type: ignore[misc]
        for number, (axis, size) in enumerate(zip(self.axes, self._sizes, strict=True)):
            axis.sign.configure(text=" , " if number else "[ ")
            axis.field.configure(width=max(2, len(str(size - 1))))
            for widget in axis.widgets:
                widget.pack(side="left")
        if self._sizes:
            self.closing.pack(side="left")
        for button in reversed(self.parts.values()) if self._part else ():
            button.pack(side="right")
        if self._look is not None:
            self.dress(self._look)

    def _step(self, number: int, by: int) -> None:
        """To the next plane along an axis, around the end."""
        fixed = list(self._fixed)
        fixed[number] = (fixed[number] + by) % self._sizes[number]
        self._on_slice(tuple(fixed))

    def _typed(self) -> None:
        """Takes what stands in the fields; beyond the end is the last, and nothing is where it was."""
        typed = zip((axis.field.get() for axis in self.axes), self._sizes, self._fixed, strict=True)
        fixed = tuple(min(int(text), size - 1) if text else before for text, size, before in typed)
        for axis, place in zip(self.axes, fixed, strict=True):
            axis.write(place)
        self._on_slice(fixed)
