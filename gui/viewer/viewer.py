"""One tensor in a window of its own: as a table, as colours, by how its elements spread; to be copied and saved."""

from __future__ import annotations

import re
import tkinter as tk
import tkinter.filedialog
from pathlib import Path
from typing import Final

from core import arrays
from core.arrays import Place
from core.files import write_whole
from core.records import TensorSnapshot
from gui import figures
from gui.pages.pages import Pages
from gui.questions import QUICK, WholeTensor
from gui.session import Session
from gui.theme import Look
from gui.viewer.heat_map import HeatMap
from gui.viewer.histogram import Histogram
from gui.viewer.seen import Seen
from gui.viewer.slices import Slices
from gui.viewer.subjects import Subject
from gui.viewer.table import Table
from gui.widgets.button import Button

COPIED: Final = 100_000
"""Elements that are copied as text at most."""
SIZE: Final = (680, 520)
LEAST: Final = (460, 320)
"""Units of width and height when it opens, and at least."""
SIDE: Final = 16
"""Units left and right of everything."""


class Viewer(tk.Toplevel):
    """Made once, shown and hidden; it stays beside the window and needs no answer.

    Args:
        session: whose worker knows the whole of a tensor that the trace keeps in part.

    Attributes:
        seen: the tensor's elements, and which of them is chosen.
        said: what the chosen element, or the one under the pointer, is.
        message: what came of copying or saving.
    """

    def __init__(self, master: tk.Misc, session: Session) -> None:
        super().__init__(master, borderwidth=0, highlightthickness=1)
        self.withdraw()
        self.protocol("WM_DELETE_WINDOW", self.close)
        self._session = session
        self._look: Look | None = None
        self._subject: Subject | None = None
        self._before: tk.Misc | None = None
        self._granted = False
        self._tensor: TensorSnapshot | None = None
        self.seen = Seen()
        self._build()
        for key, deed in (
            ("<Escape>", self.close), ("<n>", lambda: self.next_odd(1)), ("<N>", lambda: self.next_odd(-1)),
            ("<Control-c>", self.copy), ("<Control-s>", self.save), ("<Control-Tab>", self._turn),
        ):  # fmt: skip
            self.bind(key, lambda event, deed=deed: (deed(), "break")[1])  # type: ignore[misc]

    def _build(self) -> None:
        self.head = tk.Frame(self, borderwidth=0)
        self.title_label = tk.Label(self.head, anchor="w", borderwidth=0)
        self.facts = tk.Label(self.head, anchor="w", borderwidth=0)
        self.odd = tk.Label(self.head, anchor="w", borderwidth=0)
        self.notice = tk.Label(self, anchor="w", borderwidth=0, justify="left")
        self.ask_button = Button(self, self._grant, width=60, height=26)
        self.notice.bind("<Configure>", lambda event: self.notice.configure(wraplength=event.width))
        self.slices = Slices(self, on_slice=self._sliced, on_part=self._see_part)
        self.pages = Pages(self, on_turn=self._turned)
        self.table = Table(self.pages, on_choose=self._chosen)
        self.heat_map = HeatMap(
            self.pages,
            on_choose=lambda row, column: self._chosen(*self.seen.turned((row, column))),
            on_point=lambda cell: self._say(None if cell is None else self.seen.at(*self.seen.turned(cell))),
        )
        self.histogram = Histogram(self.pages, on_point=self._say_bar)
        self.foot = tk.Frame(self, borderwidth=0)
        self.said = tk.Label(self.foot, anchor="w", borderwidth=0)
        self.message = tk.Label(self.foot, anchor="w", borderwidth=0)
        self.odd_button = Button(self.foot, lambda: self.next_odd(1), width=60, height=26)
        self.copy_button = Button(self.foot, self.copy, width=60, height=26)
        self.save_button = Button(self.foot, self.save, width=60, height=26)
        self.title_label.pack(fill="x")
        self.facts.pack(side="left")
        self.odd.pack(side="left")
        self.said.grid(row=0, column=0, columnspan=4, sticky="ew")
        self.message.grid(row=1, column=0, sticky="ew")
        self.foot.grid_columnconfigure(0, weight=1)
        for column, button in enumerate((self.odd_button, self.copy_button, self.save_button), start=1):
            button.grid(row=1, column=column)
        self.views = {"viewer.table": self.table, "viewer.heat": self.heat_map, "viewer.histogram": self.histogram}
        self.pages.fill(self.views)
        rows: tuple[tk.Widget, ...] = (self.head, self.notice, self.ask_button, self.slices, self.pages, self.foot)
        for row, part in enumerate(rows):
            part.grid(row=row, column=0, sticky="w" if part is self.ask_button else "nsew")
        self.grid_columnconfigure(0, weight=1)
        self.grid_rowconfigure(self.pages.grid_info()["row"], weight=1)

    # ── Opening and closing ───────────────────────────────────────────────────────────────────────────────────────

    @property
    def opened(self) -> bool:
        return self._subject is not None

    def open(self, subject: Subject) -> None:
        """Shows a tensor, and takes the keyboard."""
        if not self.opened:
            self._before = self.focus_get()
        self._subject, self._tensor, self._granted = subject, None, False
        self.title(subject.title)
        self._tell("")
        self.refresh()
        if self.state() == "withdrawn":
            self._stand()
        self.deiconify()
        self.lift()
        self.update_idletasks()
        self._view.focus_force()

    def close(self) -> None:
        """Hides it, forgets what it showed, and gives the keyboard back."""
        if not self.opened:
            return
        before, self._before, self._subject, self._tensor = self._before, None, None, None
        self.seen = Seen()
        held = str(self.focus_get() or "").startswith(str(self))
        self.withdraw()
        if held:
            (before if before is not None and before.winfo_exists() else self.master).focus_force()

    def _stand(self) -> None:
        """In the middle of the window it belongs to, and no larger than the screen."""
        look, over = self._look, self.master.winfo_toplevel()
        assert look is not None
        wide, high = min(look.px(SIZE[0]), self.winfo_screenwidth()), min(look.px(SIZE[1]), self.winfo_screenheight())
        self.minsize(min(look.px(LEAST[0]), wide), min(look.px(LEAST[1]), high))
        x = over.winfo_rootx() + (over.winfo_width() - wide) // 2
        y = over.winfo_rooty() + (over.winfo_height() - high) // 2
        self.geometry(f"{wide}x{high}+{max(0, x)}+{max(0, y)}")

    @property
    def _view(self) -> tk.Misc:
        """What takes the keys."""
        return self.table.canvas if self.pages.shown == "viewer.table" else self.views[self.pages.shown]

    # ── The tensor ────────────────────────────────────────────────────────────────────────────────────────────────

    def refresh(self) -> None:
        """Shows the whole of the tensor once the worker has said it; asks for that where it may."""
        subject = self._subject
        if subject is None or self._look is None:
            return
        question = WholeTensor(subject.place)
        answer = self._session.answers.get(question) if subject.place else None
        known = self._tensor if self._tensor is not None else subject.tensor  # answers are not kept for ever
        tensor = answer.tensor if answer is not None and answer.tensor is not None else known
        if tensor is not self._tensor:
            chosen = self.seen.index(self.seen.place) if self._tensor is not None else ()
            self._tensor = tensor
            self._see(Seen(tensor, self.seen.part or "real", chosen))
        if tensor.elided is not None and subject.place and answer is None and self._may_ask:
            self._session.ask(question)
        self._explain()

    @property
    def _may_ask(self) -> bool:
        """Whether the program may be run again: it is quick, or the reader wants it."""
        playback = self._session.playback
        return self._granted or (playback is not None and playback.trace.seconds <= QUICK)

    def _grant(self) -> None:
        self._granted = True
        self.refresh()

    def _see(self, seen: Seen) -> None:
        self.seen = seen
        self._describe()
        self.go(seen.place)
        _show(self.slices, self.slices.needed)

    def _see_part(self, part: str) -> None:
        """Of complex numbers the real or the imaginary part, or the magnitude."""
        self._see(Seen(self._tensor, part, self.seen.place))

    def go(self, place: Place) -> None:
        """Chooses an element, in whichever slice it is."""
        self.seen.go(place)
        self.slices.show(self.seen.sizes, self.seen.fixed, self.seen.part)
        self._show_page()

    def next_odd(self, step: int) -> None:
        """Goes to the next NaN or infinity, or to the one before."""
        place = arrays.next_odd(self.seen.whole, self.seen.place, step) if self.seen.odd else None
        self._tell("" if place is not None else "viewer.no_odd")
        if place is not None:
            self.go(place)

    def _chosen(self, row: int, column: int) -> None:
        self.go(self.seen.at(row, column))

    # ── What is said of it ────────────────────────────────────────────────────────────────────────────────────────

    def _describe(self) -> None:
        """Name, type, shape, range, mean, and how many elements are odd."""
        look, subject, tensor = self._look, self._subject, self._tensor
        if look is None or subject is None or tensor is None:
            return
        if tensor.elided is not None:
            found, mean = figures.extent(tensor), tensor.elided.mean
        else:
            found, mean = self.seen.extent, arrays.mean(self.seen.data)
        exact = {"i": int, "u": int, "b": bool}.get(self.seen.data.dtype.kind, float)
        ends = [("min", found.low), ("max", found.high)]
        named = [(name, exact(x)) for name, x in ends if x is not None]
        if named and mean is not None:
            named.append(("mean", mean))
        numbers = [f"{look.words(f'viewer.{name}')} {figures.number(x)}" for name, x in named]
        odd = [f"{count:,} {name}" for count, name in ((found.nan, "NaN"), (found.inf, "Inf")) if count]
        self.title_label.configure(text=subject.title)
        self.facts.configure(text="    ".join((f"{tensor.dtype}  {list(tensor.shape)}", *numbers)))
        self.odd.configure(text=", ".join(odd))

    def _explain(self) -> None:
        """What is not shown, and why; whether it can be had."""
        look, subject, tensor = self._look, self._subject, self._tensor
        if look is None or subject is None or tensor is None:
            return
        text, costly = "", False
        if tensor.opaque:
            text = look.words("viewer.opaque", reason=tensor.opaque)
        elif not tensor.numel:
            text = look.words("viewer.empty")
        elif tensor.elided is not None:
            reason, costly = self._missing(look, subject)
            text = look.words("viewer.partly", n=self.seen.whole.size, all=f"{tensor.numel:,}", reason=reason)
        self.notice.configure(text=text)
        _show(self.notice, bool(text))
        _show(self.ask_button, costly)
        for button in (self.copy_button, self.save_button):
            button.configure(state="normal" if self._is_whole else "disabled")
        self.odd_button.configure(state="normal" if self.seen.odd else "disabled")

    def _missing(self, look: Look, subject: Subject) -> tuple[str, bool]:
        """Why only a part is known, and whether the reader decides on asking for the rest."""
        session, say = self._session, look.words
        answer = session.answers.get(WholeTensor(subject.place))
        if not subject.place:
            return say("viewer.sum"), False
        if answer is not None:
            return say("jacobian.none", reason=say.get(f"jacobian.missing.{answer.missing}", answer.missing)), False
        if session.obstacle:
            return say(f"viewer.{session.obstacle}"), False
        if self._may_ask:
            return say("viewer.waiting"), False
        assert session.playback is not None
        return say("jacobian.costly", seconds=figures.number(session.playback.trace.seconds, 2)), True

    def _say(self, place: Place | None) -> None:
        """An element in full; the chosen one for None."""
        self.said.configure(text=self.seen.said(self.seen.place if place is None else place))

    def _say_bar(self, text: str) -> None:
        self.said.configure(text=text or self.seen.said(self.seen.place))

    def _tell(self, key: str, *, wrong: bool = False, **facts: object) -> None:
        if self._look is not None:
            text = self._look.words(key, **facts) if key else ""
            self.message.configure(text=text, foreground=self._look["wrong" if wrong else "quiet"])

    # ── Views and slices ──────────────────────────────────────────────────────────────────────────────────────────

    def _turn(self) -> None:
        keys = list(self.pages.buttons)
        self.pages.turn(keys[(keys.index(self.pages.shown) + 1) % len(keys)])

    def _turned(self) -> None:
        if self.opened:
            self._show_page()
            self._view.focus_set()

    def _show_page(self) -> None:
        """What is drawn only while it is seen."""
        if not self.opened:
            return
        seen, cell = self.seen, self.seen.cell
        if self.pages.shown == "viewer.table":
            self.table.show(seen.plane, cell)
        elif self.pages.shown == "viewer.heat":
            self.heat_map.show(seen.lying, seen.extent, None if cell is None else seen.turned(cell))
        else:
            self.histogram.show(seen.data)
        self.views[self.pages.shown].pack_configure(padx=self._px(SIDE), pady=(self._px(6), 0))
        self._say(None)

    def _px(self, units: float) -> int:
        return self._look.px(units) if self._look is not None else 0

    def _sliced(self, fixed: Place) -> None:
        """The same row and column of another plane."""
        if self.opened and fixed != self.seen.fixed:
            self.go((*fixed, *self.seen.place[-2:]))

    # ── To take away ──────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _is_whole(self) -> bool:
        return self._tensor is not None and self._tensor.elided is None and not self._tensor.opaque

    def copy(self) -> None:
        """The tensor as Python, on the clipboard."""
        if self._tensor is None or not self._is_whole:
            self._tell("viewer.not_whole", wrong=True)
        elif self._tensor.numel > COPIED:
            self._tell("viewer.too_many", wrong=True, n=f"{COPIED:,}")
        else:
            self.clipboard_clear()
            self.clipboard_append(arrays.as_python(self.seen.whole, self._tensor.dtype))
            self._tell("viewer.copied")

    def save(self) -> None:
        """Asks for a file, and writes the tensor to it."""
        if self._look is None or self._subject is None or not self._is_whole:
            self._tell("viewer.not_whole", wrong=True)
            return
        name = tkinter.filedialog.asksaveasfilename(
            parent=self, title=self._look.words("viewer.save"), defaultextension=".npy",
            filetypes=[("NumPy", "*.npy")],
            initialfile=re.sub(r"[^\w.-]+", "-", self._subject.title).strip("-") + ".npy",
        )  # fmt: skip
        if name and self._is_whole:  # another run may have closed the window meanwhile
            self.save_to(Path(name))

    def save_to(self, path: Path) -> None:
        """Writes a ``.npy`` file; what came of it is said in the window."""
        assert self._tensor is not None
        try:
            write_whole(path, arrays.npy(self.seen.whole, self._tensor.dtype))
        except OSError as error:
            self._tell("error.file_write", wrong=True, name=path.name, reason=error.strerror or str(error))
        else:
            self._tell("export.saved", name=path.name)

    # ── Appearance ────────────────────────────────────────────────────────────────────────────────────────────────

    def dress(self, look: Look) -> None:
        self._look = look
        ground, side = look["panel"], look.px(SIDE)
        for widget in (self, self.head, self.foot):
            widget.configure(background=ground)
        self.configure(highlightbackground=look["edge"], highlightcolor=look["edge"])
        for label, colour, font in (
            (self.title_label, "text", look.font(15, mono=True, bold=True)), (self.facts, "quiet", look.font(12)),
            (self.odd, "wrong", look.font(12, bold=True)), (self.notice, "quiet", look.font(12)),
            (self.said, "text", look.font(12, mono=True)), (self.message, "quiet", look.font(12)),
        ):  # fmt: skip
            label.configure(background=ground, foreground=look[colour], font=font)
        paddings: tuple[tuple[tk.Widget, int, int], ...] = (
            (self.head, 14, 10), (self.notice, 0, 8), (self.ask_button, 0, 8), (self.slices, 0, 8), (self.foot, 8, 12),
        )  # fmt: skip
        for part, above, below in paddings:
            part.grid_configure(padx=side, pady=(look.px(above), look.px(below)))
        self.odd.pack_configure(padx=(look.px(16), 0))
        for button, key in (
            (self.odd_button, "viewer.next"), (self.copy_button, "viewer.copy"), (self.save_button, "viewer.save"),
            (self.ask_button, "viewer.ask"),
        ):  # fmt: skip
            button.dress(look, look.words(key), size=12)
        for button in (self.odd_button, self.copy_button, self.save_button):
            button.grid_configure(padx=(look.px(8), 0))
        for panel in (self.slices, self.pages, self.table, self.heat_map, self.histogram):
            panel.dress(look)
        self._tell("")
        self._describe()
        self._show_page()
        self._explain()
        _show(self.slices, self.slices.needed)


def _show(part: tk.Widget, shown: bool) -> None:
    """A part of the window that is not always there."""
    if shown:
        part.grid()
    else:
        part.grid_remove()
