"""The picture on the screen: one antialiased image below, pooled Tk texts above; what the mouse and keys do there."""

from __future__ import annotations

import contextlib
import tkinter as tk
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import floor, log10
from typing import TYPE_CHECKING

import numpy as np

from core.layout import Direction
from core.playback import Playback
from gui.canvas.background import Background
from gui.canvas.labels import Labels
from gui.canvas.marquee import Marquee
from gui.canvas.minimap import Minimap
from gui.canvas.motion import Motion
from gui.canvas.neighbours import beside
from gui.canvas.view import Rect, View
from gui.picture import cards
from gui.picture.groups import Folding
from gui.picture.headers import NOWHERE
from gui.picture.scene import READABLE, Box, Hit, Picture, Scene, Seed, legend
from gui.picture.shapes import inside, label_rect, overlap, sample, touches
from gui.theme import Look, faded
from gui.widgets import wheel
from gui.widgets.button import Button
from gui.widgets.find import FindBar
from gui.widgets.tooltip import Tip

if TYPE_CHECKING:
    from PIL.ImageTk import PhotoImage

AT_ONCE = 400
"""Operations up to which a picture is made at once (a tenth of a second)."""
CLICK = 4
"""Pixels a press may move and still be a click."""
REACH = 7
"""Units around a wire in which the pointer is on it."""
LINGER = 350
"""Milliseconds the pointer rests on something before it is told in full."""
ROW = 230
"""Units of width from which on there is room for the percentage among the buttons."""
LEGEND = 480
"""Units of width from which on there is room for the legend."""
NOTCH = 1.15
"""How much one notch of the wheel enlarges."""


@dataclass(frozen=True, slots=True)
class Reader:
    """What the canvas calls when the reader does something.

    Attributes:
        click: with what was clicked; None for the empty ground.
        run_to: with the card that was double-clicked.
        menu: with what lies under the pointer, and where on the screen.
        tell: → heading and lines of the note on what the pointer rests on; ('', '') for none.
        arranged: the picture of a large trace is ready, or given up, some time after ``show``.
    """

    click: Callable[[Hit | None], None]
    run_to: Callable[[int], None]
    menu: Callable[[Hit | None, int, int], None]
    tell: Callable[[Hit], tuple[str, str]]
    arranged: Callable[[], None]


def percentage(share: float) -> str:
    """In whole percent; what is less than one, by its first digit."""
    percent = share * 100
    if percent >= 1:
        return f"{percent:.0f}%"
    return f"{percent:.{max(1, -floor(log10(percent)))}f}%" if percent > 0 else "0%"


def beneath_legend(scene: Scene, legend: Scene, view: View, look: Look) -> tuple[Scene, Scene]:
    """The scene, and the legend above it: on a ground of its own where something lies there, whose texts are left out.

    A text shows through every shape, so those that the ground touches go as a whole.
    """
    left, right, middle = 10.0, max(label_rect(label)[2] for label in legend.labels) + 6, legend.labels[0].y
    ground = (left, middle - 13, right, middle + 13)
    corners = (view.point(look.scale * ground[side], look.scale * ground[side + 1]) for side in (0, 2))
    covered = (*next(corners), *next(corners))
    free = tuple(label for label in scene.labels if not overlap(label_rect(label), covered))
    if len(free) == len(scene.labels) and not any(touches(shape, covered) for shape in scene.shapes):
        return scene, legend
    panel = Box(left, middle - 13, right - left, 26, fill="canvas", line="line", radius=9.0)
    return Scene(scene.shapes, free), Scene((panel, *legend.shapes), legend.labels)


def _same_moment(before: Playback | None, now: Playback | None) -> bool:
    """Whether a run is of the same text and stands where the last one stood: a what-if."""
    if before is None or now is None or before.trace.source != now.trace.source:
        return False
    return before.cursor == now.cursor or (before.at_end and now.at_end)


def _wires_of(hit: Hit | None) -> tuple[int, ...]:
    """The wires that a click here is about."""
    if hit is None or hit.kind not in ("wire", "bundle"):
        return ()
    return hit.wires if hit.wire is None else (hit.wire,)


def _one_more(before: Playback, playback: Playback) -> bool:
    """Whether a record has grown by the event that happened last."""
    return before.at_end and playback.at_end and playback.cursor == before.cursor + 1


def _names(picture: Picture) -> list[tuple[object, ...]]:
    """What tells every wire from all others, and is the same in another run of the program."""
    names = cards.identities(picture.graph, picture.trace)
    return [(names[wire.source], names[wire.target], wire.slot) for wire in picture.graph.wires]


def _first(rects: np.ndarray) -> Rect:
    """Where a picture begins: the box furthest back along its longer side."""
    wide, high = np.ptp(rects[:, [0, 2]]), np.ptp(rects[:, [1, 3]])
    left, top, right, bottom = rects[rects[:, 0 if wide >= high else 1].argmin()]
    return (float(left), float(top), float(right), float(bottom))


class GraphCanvas(tk.Canvas):
    """Shows a picture at a moment."""

    def __init__(self, master: tk.Misc, reader: Reader) -> None:
        super().__init__(master, highlightthickness=0, borderwidth=0, width=300, height=200, takefocus=True)
        self._reader = reader
        self._look: Look | None = None
        self._playback: Playback | None = None
        self._picture: Picture | None = None
        self._folding = Folding()
        self._again = False
        self._still = False
        self._clicked: tuple[int, int, set[tuple[object, ...]]] | None = None
        self._selected: int | None = None
        self._wanted: int | None = None
        self._hit: Hit | None = None
        self._lingering = ""
        self._message: tuple[str, str] = ("", "")
        self.view = View()
        self.motion = Motion(self, self.redraw)
        self._moving: Playback | None = None
        self._photo: PhotoImage | None = None
        self._pending = ""
        self._arranging: Background[Picture] | None = None
        self._direction: Direction = "right"
        self.given_up = False
        self._press: tuple[int, int, tuple[float, float], bool] | None = None
        self._ready = False
        self._image = self.create_image(0, 0, anchor="nw")
        self._labels, self._legend = Labels(self, "picture"), Labels(self, "legend")
        self._dated = ""
        self._faded: Look | None = None
        self.date_label = tk.Label(self, borderwidth=0)
        self._title = self.create_text(0, 0, text="", justify="center", anchor="s")
        self._hint = self.create_text(0, 0, text="", justify="center", anchor="n")
        self._focus_ring = self.create_rectangle(0, 0, 0, 0, width=2, state="hidden")
        self._build_buttons()
        self.minimap = Minimap(self, on_move=self._centre)
        self.marquee = Marquee(self, self.view, lambda: self._picture, self.redraw)
        self.find_bar = FindBar(
            self, hint="find.hint", search=self._search, on_found=self._found, on_close=self.focus_set,
            beside=self._row,
        )  # fmt: skip
        self.tip = Tip(self)
        self._bind_mouse()
        self._bind_keys()

    def _build_buttons(self) -> None:
        self._row = tk.Frame(self, borderwidth=0)
        self._buttons = {
            "minus": Button(self._row, lambda: self._zoom_by(1 / 1.25), width=30, height=28),
            "percent": Button(self._row, lambda: self._zoom_by(1 / self.view.zoom), width=58, height=28),
            "plus": Button(self._row, lambda: self._zoom_by(1.25), width=30, height=28),
            "fit": Button(self._row, self.fit, width=64, height=28),
        }
        for column, button in enumerate(self._buttons.values()):
            button.grid(row=0, column=column, padx=2, pady=3)
        self.cancel_button = Button(self, self.give_up, width=90, height=30)

    def _bind_mouse(self) -> None:
        self.bind("<Configure>", lambda event: self._resized())
        self.bind("<ButtonPress-1>", self._pressed)
        self.bind("<B1-Motion>", self._dragged)
        self.bind("<ButtonRelease-1>", self._released)
        self.bind("<Double-Button-1>", self._doubled)
        for button in ("<Button-3>", "<Control-Button-1>"):
            self.bind(button, self._menu_wanted)
        self.bind("<ButtonPress-2>", self._pressed)
        self.bind("<B2-Motion>", self._dragged)
        self.bind("<ButtonRelease-2>", self._let_go)
        self.bind("<Motion>", lambda event: self._point_at(event.x, event.y))
        self.bind("<Leave>", lambda event: self._point_at(-1, -1))
        wheel.bind(self, self._pan, lambda notches, x, y: self._zoom_at(NOTCH**notches, x, y))

    def _bind_keys(self) -> None:
        self.bind("<<TraverseIn>>", lambda event: self.itemconfigure(self._focus_ring, state="normal"))
        self.bind("<FocusOut>", lambda event: self.itemconfigure(self._focus_ring, state="hidden"))
        for key, dx, dy in (("Left", -1, 0), ("Right", 1, 0), ("Up", 0, -1), ("Down", 0, 1)):
            self.bind(f"<Shift-{key}>", partial(self._select_beside, dx, dy))
        self.bind("m", lambda event: None if self._selected is None else self.marquee.toggle(self._selected))
        self.bind("<Down>", lambda event: self._select_next(1))
        self.bind("<Up>", lambda event: self._select_next(-1))
        for key in ("<Return>", "<KP_Enter>"):
            self.bind(key, lambda event: None if self._selected is None else self._reader.run_to(self._selected))
        for key in ("<Menu>", "<App>", "<Control-Return>"):
            with contextlib.suppress(tk.TclError):  # the same key has another name on Windows, unknown elsewhere
                self.bind(key, lambda event: self._menu_by_key())
        for key, factor in (("plus", 1.25), ("equal", 1.25), ("KP_Add", 1.25), ("minus", 0.8), ("KP_Subtract", 0.8)):
            self.bind(f"<{key}>", lambda event, factor=factor: self._zoom_by(factor))  # type: ignore[misc]

    # ── What is shown ─────────────────────────────────────────────────────────────────────────────────────────────

    def ready(self) -> None:
        """Drawing may begin: matplotlib is there."""
        self._ready = True
        self.redraw()

    def dress(self, look: Look) -> None:
        self._look, self._faded = look, faded(look)
        self.configure(background=look["canvas"])
        self.date_label.configure(
            background=look["running_line"],
            foreground=look["text"],
            font=look.font(12),
            padx=look.px(10),
            pady=look.px(3),
        )
        if self.view.unit != look.scale:
            self.view.unit = look.scale
            self._refit()
        for role, text in (("minus", "−"), ("plus", "+"), ("fit", look.words("bar.fit")), ("percent", "")):
            self._buttons[role].dress(look, text, ground="card")
        self.cancel_button.dress(look, look.words("canvas.cancel"), ground="canvas")
        self._row.configure(background=look["card"], highlightthickness=1)
        self._row.configure(highlightbackground=look["line"], highlightcolor=look["line"])
        self._row.place_forget()  # to be placed anew
        self.itemconfigure(self._title, fill=look["text"], font=look.font(20, bold=True))
        self.itemconfigure(self._hint, fill=look["quiet"], font=look.font(13))
        self.itemconfigure(self._focus_ring, outline=look["accent"])
        for panel in (self.minimap, self.find_bar, self.tip, self.marquee):
            panel.dress(look)
        self.redraw()

    def show(self, playback: Playback | None, selected: int | None = None) -> None:
        """The picture at this moment; one step from the last moment, it moves there."""
        before, self._playback = self._playback, playback
        anew = selected != self._selected or self.motion.running
        self._selected = selected
        same = playback is not None and before is not None and playback.trace is before.trace
        moved = not same or playback != before
        self.motion.stop()
        if not same:
            self._again = (
                before is not None and playback is not None and cards.same_program(before.trace, playback.trace)
            )
            self._still = _same_moment(before, playback)
            if not self._again:
                self.view.fitted, self._folding = "opened", Folding()
        if playback is None:
            self._stop_arranging()
            self._picture = None
        elif not same:
            self._arrange(playback, self._folding, self._picture if self._again else None)
            if self._again and before is not None and _one_more(before, playback) and not self.arranging:
                self._moving = playback
                self.motion.start()
        elif before is not None and abs(playback.cursor - before.cursor) == 1:
            # Backwards, the later moment runs back to its beginning.
            backwards = playback.cursor < before.cursor
            self._moving = before if backwards else playback
            self.motion.start(backwards=backwards)
        if moved:
            self._forget_pointer()
        if moved and same:
            self._follow()
        if moved or anew:
            self.redraw()  # else only the rest of the window has changed, as when a run begins

    def select(self, card: int) -> None:
        """Marks a card and brings it into sight; what moves goes on."""
        self._selected = card
        self.reveal(card)
        self.redraw()

    def date(self, text: str) -> None:
        """Says that the picture is not of now, and fades it; '' where it is."""
        if text != self._dated:
            self._dated = text
            self.date_label.configure(text=text)
            self.redraw()

    def say(self, title: str, hint: str) -> None:
        """What stands on the ground while there is no picture on it."""
        if (title, hint) != self._message:
            self._message = (title, hint)
            self.redraw()

    @property
    def picture(self) -> Picture | None:
        return self._picture

    def fit(self) -> None:
        """All of the picture, however small that makes it."""
        if self._picture is not None:
            self.view.fit()
            self._forget_pointer()
            self.redraw()

    def open_find(self) -> None:
        """Opens the bar that looks for a card."""
        self.find_bar.open()

    def find_next(self) -> None:
        """The next match of what was looked for last."""
        if self._picture is not None:
            self.find_bar.next()

    def find_previous(self) -> None:
        """The one before it."""
        if self._picture is not None:
            self.find_bar.previous()

    def reveal(self, card: int) -> None:
        """Brings a card into sight, where it is not folded away."""
        if self._picture is not None and self._picture.shows(card):
            self.view.reveal(self._picture.rect(card))
            self.redraw()

    def seed_rect(self, seed: Seed) -> Rect | None:
        """Where a seed stands in the picture, also before it is there; None where it has no place."""
        of_unit = self._picture.seeds_of_unit if self._picture is not None else {}
        unit = next((unit for unit, seeds in of_unit.items() if seed in seeds), None)
        return None if unit is None or self._picture is None else self._picture.seed_rect(unit)

    def redraw(self) -> None:
        """Draws once when Tk has nothing else to do, however often it is asked."""
        if not self._pending:
            self._pending = self.after_idle(self._draw)

    def destroy(self) -> None:
        self.motion.stop()
        self._stop_arranging()
        for pending in (self._pending, self._lingering):
            if pending:
                self.after_cancel(pending)
        super().destroy()

    # ── Arranging ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _arrange(self, playback: Playback, folding: Folding, previous: Picture | None) -> None:
        """Makes a picture; of a large trace in a thread, so that the window goes on."""
        self._stop_arranging()
        self.given_up = False
        self._folding = folding
        wanted = (playback.trace, playback.index, folding, previous)
        if len(playback.trace.ops) <= AT_ONCE:
            self._take(Picture(*wanted, direction=self._direction))
            return
        if previous is None or previous.trace is not playback.trace:
            self._picture = None
        make = partial(Picture, *wanted, direction=self._direction)
        self._arranging = Background(self, make, on_done=self._arranged, on_wait=self._waiting)

    def _arranged(self, picture: Picture) -> None:
        self._stop_arranging()
        self._take(picture)
        self._reader.arranged()

    def _waiting(self) -> None:
        if self._look is not None and not self.cancel_button.winfo_manager():
            self.cancel_button.place(relx=0.5, rely=0.5, y=48, anchor="center")
        self.say(self._message[0], self.progress)

    def _stop_arranging(self) -> None:
        if self._arranging is not None:
            self._arranging.cancel()
            self._arranging = None
        self.cancel_button.place_forget()

    def give_up(self) -> None:
        """The reader does not want to wait for the picture; the rest of the window can do without."""
        if self._arranging is not None:
            self._stop_arranging()
            self.given_up = self._picture is None
            self._reader.arranged()

    @property
    def arranging(self) -> bool:
        """Whether the picture is still being made."""
        return self._arranging is not None

    @property
    def progress(self) -> str:
        """How much of the picture is made; '' before that is known."""
        return f"{self._arranging.done:.0%}" if self._arranging is not None and self._arranging.done else ""

    def _take(self, picture: Picture) -> None:
        before = self._picture
        anew = before is None or before.trace is not picture.trace or before.direction != picture.direction
        if before is None or before.trace is not picture.trace:
            self.marquee.mark(frozenset())
        seen = self.view.sees_all
        self._picture, self.view.bounds = picture, picture.bounds
        self._forget_pointer()
        if anew and self._again:
            # What did not change has stayed where it was, and so does the view while all can be read in it.
            fitted = self.view.fitted
            if fitted and seen and self.view.whole >= READABLE and not self.view.sees_all:
                self.view.fit()
                self.view.fitted = fitted
            if not self._still or picture.trace.error is not None:
                self._follow()
            self._keep_under_pointer(picture)
            if len(picture.rects) and not inside(picture.rects, self.view.rect).any():
                self.view.open(_first(picture.rects))  # so little is left that nothing of it is in sight
        elif anew and self.view.fitted:
            self._refit()
        elif anew:
            self._follow()
        self.find_bar.search_again()
        self._show_wanted()
        self.redraw()

    def _keep_under_pointer(self, picture: Picture) -> None:
        """Brings a line that was clicked back to where it was clicked, so that a second click undoes the first."""
        clicked, self._clicked = self._clicked, None
        if clicked is None or not self._still:
            return
        x, y, wanted = clicked
        wires = {number for number, name in enumerate(_names(picture)) if name in wanted}
        if wires.intersection(_wires_of(self._hit_at(x, y))):
            return
        route = next((strand.route for strand in picture.strands if wires.intersection(strand.wires)), ())
        if route:
            was, points = self.view.point(x, y), sample(route)
            inner = points[len(points) // 4 : -(len(points) // 4)]  # its ends lie at cards
            there = inner[np.hypot(*(inner - was).T).argmin()]
            self.view.x += float(there[0]) - was[0]
            self.view.y += float(there[1]) - was[1]

    def read(self, direction: Direction) -> None:
        """Where the picture reads; when that changes, it is made and fitted anew."""
        if direction == self._direction:
            return
        self._direction = direction
        if self._playback is not None:
            self.view.fitted = "opened"
            self._again = False
            self._arrange(self._playback, self._folding, None)

    def fold(self, group: str) -> None:
        """Folds a group, or unfolds it."""
        if self._playback is not None and self._picture is not None:
            self._arrange(self._playback, self._picture.folding.toggled(group), self._picture)

    # ── The view ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _refit(self) -> None:
        """Opens or fits the picture again, unless the reader has moved it."""
        picture = self._picture
        if picture is None or not len(picture.rects):
            return
        if self.view.fitted == "whole":
            self.view.fit()
        elif self.view.fitted == "opened":
            self.view.open(_first(picture.rects))
            if picture.trace.error is not None:
                self._follow()  # what went wrong is worth more than the beginning

    def _follow(self) -> None:
        """Keeps the current card in sight."""
        if self._picture is not None and self._playback is not None:
            card = self._picture.current_card(self._playback)
            if card is not None:
                self.view.reveal(self._picture.rect(card))

    def _zoom_by(self, factor: float) -> None:
        self._zoom_at(factor, self.view.width / 2, self.view.height / 2)

    def _zoom_at(self, factor: float, x: float, y: float) -> None:
        self._clicked = None
        self.view.zoom_at(factor, x, y)
        self._forget_pointer()
        self.redraw()

    def _pan(self, dx: float, dy: float) -> None:
        self._clicked = None
        self.view.pan(dx * self.view.unit, dy * self.view.unit)
        self._forget_pointer()
        self.redraw()

    def _centre(self, x: float, y: float) -> None:
        self._clicked = None
        self.view.centre(x, y)
        self.redraw()

    def _resized(self) -> None:
        size = self.winfo_width(), self.winfo_height()
        if size == (self.view.width, self.view.height):
            return  # Tk tells it also when a panel beside has come or gone
        self.view.width, self.view.height = size
        self._refit()
        self.find_bar.arrange()
        self.redraw()

    # ── Finding and selecting ─────────────────────────────────────────────────────────────────────────────────────

    def _search(self, text: str) -> Sequence[int]:
        return self._picture.search(text) if text and self._picture is not None else ()

    def _found(self, card: int | None) -> bool:
        """Selects a card and shows where it is; False where it will be there only later."""
        self._reader.click(None if card is None else Hit("card", card=card))
        self._wanted = card
        self._show_wanted()
        self.redraw()
        return card is None or self._wanted is not None or self._under(card) is not None

    def _show_wanted(self) -> None:
        """Brings a card that was looked for into the middle; what it is folded into unfolds first."""
        card, picture = self._wanted, self._picture
        if card is None or picture is None or self._arranging is not None:
            return
        group = picture.group_of(card)
        if group:
            self.fold(group)
            return
        self._wanted = None
        if not picture.shows(card):
            return
        left, top, right, bottom = picture.rect(card)
        if self.view.zoom < READABLE:
            self.view.zoom = 1.0
        self.view.centre((left + right) / 2, (top + bottom) / 2)

    def _select_next(self, way: int) -> None:
        """Selects the next card that is there, in the order of the program."""
        if self._picture is None or self._playback is None:
            return
        start = self._selected
        if start is None:
            start = self._picture.current_card(self._playback)
        count = len(self._picture.graph.cards)
        at = (-1 if way > 0 else count) if start is None else start
        for card in range(at + way, count if way > 0 else -1, way):
            if self._under(card) is not None:
                self._reader.click(Hit("card", card=card))
                self.view.reveal(self._picture.rect(card))
                return

    def _select_beside(self, dx: int, dy: int, event: tk.Event[tk.Misc]) -> str:
        """Selects the nearest card that is there, in a direction."""
        picture, playback = self._picture, self._playback
        start = self._selected
        if start is None and picture is not None and playback is not None:
            start = picture.current_card(playback)
        if picture is not None and start is not None and picture.shows(start):
            cards = [card.id for card in picture.graph.cards if picture.shows(card.id)]
            rects = np.array([picture.rect(card) for card in cards])
            near = (cards[row] for row in beside(rects, cards.index(start), dx, dy))
            card = next((card for card in near if self._under(card) is not None), None)
            if card is not None:
                self._reader.click(Hit("card", card=card))
                self.view.reveal(picture.rect(card))
        return "break"  # without Shift the arrows are steps

    def _under(self, card: int) -> Hit | None:
        """What lies in the middle of a card; None while it is not there yet."""
        assert self._picture is not None
        assert self._playback is not None
        left, top, right, bottom = self._picture.rect(card)
        hit = self._picture.hit((left + right) / 2, (top + bottom) / 2, self._playback)
        return hit if hit is not None and hit.card == card else None

    @property
    def _covered(self) -> Rect:
        """What of the picture lies under the buttons."""
        if self._look is None:
            return NOWHERE
        left = self.view.width - self._row.winfo_reqwidth() - self._look.px(16)
        bottom = self._row.winfo_reqheight() + self._look.px(14)
        return (*self.view.point(left, 0), *self.view.point(self.view.width, bottom))

    # ── The mouse ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _hit_at(self, x: float, y: float) -> Hit | None:
        if self._picture is None or self._playback is None or not self._playback.cursor or x < 0:
            return None
        hit = self._picture.hit(
            *self.view.point(x, y), self._playback, REACH / self.view.zoom,
            seen=self.view.rect, covered=self._covered, scale=self.view.zoom,
        )  # fmt: skip
        # Wires that lie a pixel apart cannot be told from one another.
        return None if hit is not None and hit.kind in ("wire", "bundle") and self.view.zoom < READABLE / 2 else hit

    def _pressed(self, event: tk.Event[tk.Misc]) -> None:
        self.focus_set()
        self.itemconfigure(self._focus_ring, state="hidden")
        self._press = (event.x, event.y, (self.view.x, self.view.y), False)

    def _dragged(self, event: tk.Event[tk.Misc]) -> None:
        if self._press is None:
            return
        x, y, origin, moved = self._press
        if not moved and abs(event.x - x) + abs(event.y - y) <= CLICK * self.view.unit:
            return
        if not moved:
            self._press = (x, y, origin, True)
            self._clicked = None
            self._forget_pointer()
            self.configure(cursor="fleur")
        self.view.x, self.view.y = origin
        self.view.pan(x - event.x, y - event.y)
        self.redraw()

    def _released(self, event: tk.Event[tk.Misc]) -> None:
        press, self._press = self._press, None
        if press is None:
            return
        if press[3]:
            self._rest(event)
            return
        hit = self._hit_at(event.x, event.y)
        self._forget_pointer()
        if hit is not None and hit.kind == "fold" and hit.group is not None:
            self.fold(hit.group)
        else:
            wires, self._clicked = _wires_of(hit), None
            if wires and self._picture is not None:
                names = _names(self._picture)
                self._clicked = (event.x, event.y, {names[wire] for wire in wires})
            self._reader.click(hit)

    def _let_go(self, event: tk.Event[tk.Misc]) -> None:
        """The middle button only moves."""
        self._press = None
        self._rest(event)

    def _rest(self, event: tk.Event[tk.Misc]) -> None:
        self.configure(cursor="")
        self._point_at(event.x, event.y)

    def _doubled(self, event: tk.Event[tk.Misc]) -> None:
        self._press = None
        hit = self._hit_at(event.x, event.y)
        if hit is not None and hit.kind == "group" and hit.group is not None:
            self.fold(hit.group)
        elif hit is not None and hit.kind in ("card", "chip") and hit.card is not None:
            self._reader.run_to(hit.card)
        else:
            self._pressed(event)  # twice quickly is two clicks

    def _menu_wanted(self, event: tk.Event[tk.Misc]) -> str:
        self.focus_set()
        self._press = None
        hit = self._hit_at(event.x, event.y)
        self._forget_pointer()
        self._reader.menu(hit, event.x_root, event.y_root)
        return "break"

    def _menu_by_key(self) -> str:
        card = self._selected
        if card is None and self._picture is not None and self._playback is not None:
            card = self._picture.current_card(self._playback)
        x, y = self.view.width / 2, self.view.height / 2
        if card is not None and self._picture is not None:
            left, top, _, _ = self._picture.rect(card)
            x, y = self.view.pixel(left, top)
        hit = None if card is None else Hit("card", card=card)
        self._reader.menu(hit, self.winfo_rootx() + max(0, int(x)), self.winfo_rooty() + max(0, int(y)))
        return "break"

    def _point_at(self, x: int, y: int) -> None:
        if self._press is not None and self._press[3]:
            return
        hit = self._hit_at(x, y)
        if hit == self._hit:
            return
        before, self._hit = self._hit, hit
        self.tip.hide()
        if self._lingering:
            self.after_cancel(self._lingering)
            self._lingering = ""
        self.configure(cursor="" if hit is None else "hand2")
        if hit is not None:
            self._lingering = self.after(LINGER, self._tell, x, y)
        if self._hovered(before) != self._hovered(hit) or (before and before.wire) != (hit and hit.wire):
            self.redraw()

    def _hovered(self, hit: Hit | None) -> int | None:
        """The card under the pointer; of a folded group, its first."""
        if hit is None or hit.kind not in ("group", "fold") or hit.group is None or self._picture is None:
            return hit.card if hit is not None else None
        first = self._picture.groups[hit.group].first_card
        return first if self._picture.group_of(first) == hit.group else None

    def _forget_pointer(self) -> None:
        """What lies under the pointer has moved on; nothing is lit until the pointer moves again."""
        self._point_at(-1, -1)

    def _tell(self, x: int, y: int) -> None:
        self._lingering = ""
        if self._hit is not None:
            heading, body = self._reader.tell(self._hit)
            if heading or body:
                self.tip.show(x, y, heading, body)

    # ── Drawing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _draw(self) -> None:
        self._pending = ""
        look, view = self._look, self.view
        width, height = view.width, view.height
        if look is None or width < 2 or height < 2:
            return
        empty = self._playback is None or self._picture is None or not self._playback.cursor
        self._place_row(look)
        self._place_date(empty, look)
        self._write_message(empty, look)
        percent = percentage(view.zoom)
        if self._buttons["percent"].cget("text") != percent:
            self._buttons["percent"].configure(text=percent)
        if not self._ready:
            return
        if self._dated and self._faded is not None:
            look = self._faded
        from PIL import ImageTk

        from gui.picture import paint

        scene, overlay, current, selected = Scene(), Scene(), None, None
        if self._picture is not None and self._playback is not None and not empty:
            phase = self.motion.now
            playback = self._playback if phase is None or self._moving is None else self._moving
            rings = self.marquee.rings()
            scene = self._picture.scene(
                playback, look.words, view=view.rect, scale=view.zoom, selected=self._selected,
                hovered=self._hovered(self._hit), motion=phase, on_screen=True, covered=self._covered,
            )  # fmt: skip
            scene = Scene((*scene.shapes, *rings), scene.labels) if rings else scene
            room = width / look.scale
            if room > LEGEND:
                earlier = self._picture.later(playback)
                hints = room > LEGEND + (180 if earlier else 80)
                overlay = legend(look.words, 16, height / look.scale - 20, hints=hints, earlier=earlier)
                scene, overlay = beneath_legend(scene, overlay, view, look)
            card = self._picture.current_card(self._playback)
            current = None if card is None else self._picture.rect(card)
            if self._selected is not None and self._picture.shows(self._selected):
                selected = self._picture.rect(self._selected)
        self.minimap.show(None if empty else self._picture, view, current, selected)
        renderer = paint.screen(width, height, look.palette)
        painter = paint.Painter(renderer, height, look.palette, scale=view.scale, origin=(view.x, view.y))
        painter.paint(scene, text=False)
        paint.Painter(renderer, height, look.palette, scale=look.scale).paint(overlay, text=False)
        if self._photo is None or (self._photo.width(), self._photo.height()) != (width, height):
            self._photo = ImageTk.PhotoImage("RGBA", (width, height))
            self.itemconfigure(self._image, image=self._photo)
        self._photo.paste(paint.pixels(renderer))
        self._labels.show(scene.labels, look, x=view.x, y=view.y, scale=view.scale)
        self._legend.show(overlay.labels, look, scale=look.scale)
        self.tag_raise(self._focus_ring)
        self.event_generate("<<Drawn>>")  # for what lies over the picture and goes with it

    def _place_row(self, look: Look) -> None:
        """The buttons above a picture; the percentage where there is room."""
        if self._picture is None:
            self._row.place_forget()
        elif not self._row.winfo_manager():
            self._row.place(relx=1.0, x=-look.px(12), y=look.px(10), anchor="ne")
        if self.view.width < look.px(ROW):
            self._buttons["percent"].grid_remove()
        else:
            self._buttons["percent"].grid()

    def _place_date(self, empty: bool, look: Look) -> None:
        """Above the picture, on the left of the buttons; below them where there is no room."""
        if empty or not self._dated:
            self.date_label.place_forget()
        else:
            beside = self.date_label.winfo_reqwidth() + self._row.winfo_reqwidth() + look.px(40) < self.view.width
            self.date_label.place(x=look.px(14), y=look.px(14) + (0 if beside else self._row.winfo_reqheight()))

    def _write_message(self, empty: bool, look: Look) -> None:
        width, height = self.view.width, self.view.height
        self.coords(self._title, width / 2, height / 2 - look.px(3))
        self.coords(self._hint, width / 2, height / 2 + look.px(7))
        self.coords(self._focus_ring, 1, 1, width - 1, height - 1)
        for item, text in zip((self._title, self._hint), self._message, strict=True):
            self.itemconfigure(item, text=text if empty else "", width=width - look.px(40))
