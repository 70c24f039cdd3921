"""The sheet on which the reader says what is to be exported, with a preview of it."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gui.export.order import usual_paper
from gui.exporting.exporter import Shown
from gui.exporting.preview import WIDTH, Preview
from gui.exporting.wishes import OFFERED, Wishes
from gui.i18n import Words
from gui.theme import Look
from gui.widgets.button import Button
from gui.widgets.choice import Choice
from gui.widgets.sheet import Sheet
from gui.widgets.tick import Tick

DRAWN: Final = frozenset({"picture", "animation", "contact"})
"""Products that a preview shows; of the others it says what is in them."""
LINE: Final = 34
"""Units of a row."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the sheet: one choice, or ticks beside one another.

    Attributes:
        title: key of what stands before it.
        fields: wishes that it changes; one with several answers is a choice, the others are ticks.
    """

    title: str
    fields: tuple[str, ...]


ROWS: Final = (
    Row("export.format", ("ending",)),
    Row("export.span", ("span",)),
    Row("export.shows", ("part",)),
    Row("export.beside", ("inspector", "code")),
    Row("export.caption", ("caption",)),
    Row("export.scale", ("scale",)),
    Row("export.speed", ("speed",)),
    Row("export.theme", ("theme",)),
    Row("export.lang", ("lang",)),
    Row("export.paper", ("paper",)),
    Row("export.ground", ("transparent",)),
)
TICKS: Final = ("inspector", "code", "transparent")


class ExportSheet(Sheet):
    """Wishes, and what comes of them.

    Args:
        shown: what is on the screen now; None where there is nothing.
        on_save, on_copy: called with the wishes, once the sheet is closed.

    Attributes:
        wishes: as they stand.
    """

    def __init__(
        self, master: tk.Misc, shown: Callable[[], Shown | None], *,
        on_save: Callable[[Wishes], object], on_copy: Callable[[Wishes], object],
    ) -> None:  # fmt: skip
        super().__init__(master)
        self._now = shown
        self.wishes = Wishes()
        self.product = Choice(self, lambda: self._wish(product=self.product.chosen), upright=True)
        self._side = tk.Frame(self, borderwidth=0)
        self.titles = {row.title: tk.Label(self._side, anchor="w", borderwidth=0) for row in ROWS}
        self.choices: dict[str, Choice] = {}
        self.ticks: dict[str, Tick] = {}
        self._boxes: dict[str, tk.Widget] = {}
        for row in ROWS:
            self._boxes[row.title] = self._box(row)
        self.preview = Preview(self)
        self._foot = tk.Frame(self, borderwidth=0)
        self.note = tk.Label(self._foot, anchor="w", justify="left", borderwidth=0)
        self.save = Button(self._foot, lambda: self._end(on_save), width=110)
        self.copy = Button(self._foot, lambda: self._end(on_copy), width=110)
        self.cancel = Button(self._foot, self.close, width=110)
        for widget in self._inner(self):
            widget.bind("<Escape>", self.dismissed, add="+")
            for key, by in (("<<NextWindow>>", 1), ("<<PrevWindow>>", -1)):
                widget.bind(key, lambda event, by=by: self._go(event, by))  # type: ignore[misc]
            if not isinstance(widget, tk.Entry):
                widget.bind("<Control-Return>", lambda event: self._end(on_save), add="+")
        self.bind("<Return>", lambda event: self._end(on_save))
        self.caption.bind("<Return>", lambda event: self._end(on_save))
        self.caption.bind("<KeyRelease>", lambda event: self._wish(caption=self.caption.get()))

    def _box(self, row: Row) -> tk.Widget:
        """What stands behind a title."""
        if row.fields == ("caption",):
            self.caption = tk.Entry(self._side, borderwidth=0, highlightthickness=2, width=34)
            return self.caption
        if row.fields[0] not in TICKS:
            (name,) = row.fields
            self.choices[name] = Choice(self._side, lambda: self._wish(**{name: _meant(self.choices[name].chosen)}))
            return self.choices[name]
        box = tk.Frame(self._side, borderwidth=0)
        for name in row.fields:
            self.ticks[name] = Tick(box, lambda name=name: self._wish(**{name: self.ticks[name].on}))  # type: ignore[misc]
            self.ticks[name].pack(side="left")
        return box

    # ── Opening ───────────────────────────────────────────────────────────────────────────────────────────────────

    def open(self) -> None:
        """Opens it, where it is not open."""
        if not self.opened:
            self.toggle()
            self.product.focus_set()

    def refresh(self) -> None:
        """What is on the screen has changed."""
        if self.opened:
            self._tell()

    def close(self) -> None:
        self.preview.stop()
        super().close()

    def _left(self, event: tk.Event[tk.Misc]) -> None:
        """It stays while the reader looks at the window behind it."""

    def _end(self, deed: Callable[[Wishes], object]) -> str:
        if str(self.save.cget("state")) != "disabled":
            self.close()
            deed(self.wishes)
        return "break"

    # ── Wishing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _wish(self, **changed: object) -> None:
        self.wishes = self.wishes.wishing(**changed)
        self._tell()

    def _tell(self) -> None:
        """Shows what is wished, what else there is to wish, and what comes of it."""
        shown, look = self._now(), self._look
        if look is None:
            return
        say, wishes = look.words, self.wishes
        without = {"lesson"} if shown is None or shown.lesson is None else set()
        self.product.offer({name: say(f"export.product.{name}") for name in OFFERED}, wishes.product, off=without)
        if self.product.chosen != wishes.product:
            self.wishes = wishes = wishes.wishing(product=self.product.chosen)
        off = {"part": {name for name in ("seen", "chosen") if shown and not shown.part(name)},
               "span": {"pass"} if shown is None or shown.pass_ is None else set()}  # fmt: skip
        chosen = {"theme": wishes.theme or (shown.order.theme if shown else "light"),
                  "lang": wishes.lang or (shown.order.lang if shown else "en"),
                  "paper": wishes.paper or usual_paper()}  # fmt: skip
        for name, choice in self.choices.items():
            texts = _texts(name, wishes, shown, say)
            choice.offer(texts, chosen.get(name) or _written(getattr(wishes, name)), off=off.get(name, set()))
        for name, tick in self.ticks.items():
            tick.show(say(f"export.{name}"), getattr(wishes, name))
        if self.caption.get() != wishes.caption:
            self.caption.delete(0, "end")
            self.caption.insert(0, wishes.caption)
        self._place_rows(look)
        self.copy.configure(state="normal" if wishes.product == "picture" and shown else "disabled")
        self.save.configure(state="normal" if shown or wishes.product == "window" else "disabled")
        if shown is None and wishes.product != "window":
            self.preview.tell(say("error.export_nothing"))
        elif shown is not None and wishes.product in DRAWN:
            self.preview.show(shown, wishes.order(shown), wishes.product, say("export.preview"))
        else:
            self.preview.tell(say(f"export.about.{wishes.product}"))
        again = shown is not None and shown.askable and wishes.inspector and wishes.concerns("inspector")
        self.note.configure(text=say("export.again") if again else "")

    def _place_rows(self, look: Look) -> None:
        """Rows that make a difference; the others leave their room empty below them."""
        for number, row in enumerate(sorted(ROWS, key=lambda row: not any(map(self.wishes.concerns, row.fields)))):
            title, box = self.titles[row.title], self._boxes[row.title]
            if any(map(self.wishes.concerns, row.fields)):
                title.grid(row=number, column=0, sticky="w", padx=(0, look.px(14)))
                box.grid(row=number, column=1, sticky="w")
            else:
                title.grid_remove()
                box.grid_remove()

    # ── Looks ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def dress(self, look: Look) -> None:
        again = self.opened
        super().dress(look)
        if again:
            self.open()

    def arrange(self, look: Look) -> None:
        say, px = look.words, look.px
        self.title.configure(text=say("export.title"))
        self.title.grid(row=0, column=0, columnspan=3, sticky="w", padx=px(24), pady=(px(18), px(12)))
        for frame in (self._side, self._foot):
            frame.configure(background=look["card"])
        self.product.dress(look)
        for choice in self.choices.values():
            choice.dress(look)
        for tick in self.ticks.values():
            tick.dress(look)
        for box in self._boxes.values():
            if isinstance(box, tk.Frame) and not isinstance(box, Choice):
                box.configure(background=look["card"])
        for title in self.titles.values():
            title.configure(background=look["card"], foreground=look["quiet"], font=look.font(12))
        for row in ROWS:
            self.titles[row.title].configure(text=say(row.title))
        self.caption.configure(
            background=look["button"], foreground=look["text"], insertbackground=look["text"], font=look.font(12),
            highlightcolor=look["accent"], highlightbackground=look["card"],
            selectbackground=look["running_span"], selectforeground=look["text"],
        )  # fmt: skip
        self.preview.dress(look)
        share = look.scale / self._look.scale if self._look is not None else 1.0  # buttons are enlarged by themselves
        for button, key, primary in (
            (self.save, "export.save", True), (self.copy, "export.copy", False), (self.cancel, "export.cancel", False),
        ):  # fmt: skip
            button.dress(look, say(key), ground="card", primary=primary, size=max(1, round(12 * share)))
            button.configure(width=110 * share, height=30 * share)
        self.note.configure(
            background=look["card"], foreground=look["quiet"], font=look.font(11), wraplength=px(WIDTH + 200)
        )
        self.product.grid(row=1, column=0, sticky="nw", padx=(px(22), px(18)))
        self._side.grid(row=1, column=1, sticky="nw", padx=(0, px(20)))
        for number in range(len(ROWS)):
            self._side.grid_rowconfigure(number, minsize=px(LINE))
        self._side.grid_columnconfigure(1, minsize=px(320))
        self.preview.grid(row=1, column=2, sticky="n", padx=(0, px(24)))
        self._foot.grid(row=2, column=0, columnspan=3, sticky="ew", padx=px(24), pady=px(18))
        self.note.pack(side="left", fill="x")
        for button in (self.save, self.copy, self.cancel):
            button.pack(side="right", padx=(px(8), 0))
        for button in (self.cancel, self.copy, self.save):
            button.lift()
        self._tell()

    # ── The keyboard ──────────────────────────────────────────────────────────────────────────────────────────────

    def _inner(self, widget: tk.Misc) -> list[tk.Misc]:
        return [widget, *(inner for child in widget.winfo_children() for inner in self._inner(child))]

    def _go(self, event: tk.Event[tk.Misc], by: int) -> str:
        """Tab stays on the sheet."""
        goal: tk.Misc | None = event.widget
        for _ in range(200):
            goal = (goal.tk_focusNext() if by > 0 else goal.tk_focusPrev()) if goal is not None else None
            if goal is not None and goal is not self and str(goal).startswith(f"{self}."):
                goal.focus_set()
                break
        return "break"


def _texts(name: str, wishes: Wishes, shown: Shown | None, say: Words) -> dict[str, str]:
    """What can be chosen in a field, by what is kept of it."""
    match name:
        case "ending":
            return {ending: say(f"export.ending{ending}") for ending in OFFERED[wishes.product].endings}
        case "scale":
            return {_written(scale): f"{scale:g}×" for scale in (1.0, 2.0, 3.0, 4.0)}
        case "speed":
            return {_written(speed): f"{speed:g}×" for speed in (0.5, 1.0, 2.0)}
        case "part":
            chosen = len(shown.chosen) if shown is not None else 0
            return {part: say(f"export.part.{part}", n=chosen) for part in ("all", "seen", "chosen")}
        case "span":
            return {span: say(f"export.span.{span}") for span in ("program", "pass")}
        case "paper":
            return {"A4": "A4", "letter": "Letter"}
        case "theme":
            return {theme: say(f"export.{theme}") for theme in ("light", "dark")}
        case _:
            return {"en": "English", "zh": "中文"}


def _written(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _meant(key: str) -> object:
    """What a key of a choice stands for."""
    try:
        return float(key)
    except ValueError:
        return key
