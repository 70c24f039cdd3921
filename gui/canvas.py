"""The picture on the screen: one antialiased image below, pooled Tk texts above; pan, zoom, clicks."""

from __future__ import annotations

import threading
import tkinter as tk
import tkinter.font as tkfont
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import customtkinter as ctk

from core.playback import Playback
from gui.cards import Wire
from gui.scene import READABLE, Label, Picture, Scene, Seed, legend
from gui.theme import Look

if TYPE_CHECKING:
    from PIL.ImageTk import PhotoImage

SMALLEST, LARGEST = 0.004, 3.0
COMFORTABLE = 0.6
"""Below this scale a picture is not opened as a whole."""
AT_ONCE = 1200
"""Operations up to which a picture is made at once (a quarter of a second)."""
LOOK_AGAIN = 30
"""Milliseconds between two looks at the thread that makes a picture."""
CLICK = 4
"""Pixels a press may move and still be a click."""


class GraphCanvas(tk.Canvas):
    """Shows a picture at a moment.

    Args:
        on_card, on_wire, on_seed: called with what was clicked; ``on_card(None)`` for the empty ground.
        on_picture: called when the picture of a large trace is ready, some time after ``show``.
    """

    def __init__(
        self,
        master: tk.Misc,
        *,
        on_card: Callable[[int | None], None],
        on_wire: Callable[[Wire], None],
        on_seed: Callable[[Seed], None],
        on_picture: Callable[[], None],
    ) -> None:
        super().__init__(master, highlightthickness=0, borderwidth=0, width=300, height=200)
        self._on_card, self._on_wire, self._on_seed, self._on_picture = on_card, on_wire, on_seed, on_picture
        self._look: Look | None = None
        self._playback: Playback | None = None
        self._picture: Picture | None = None
        self._selected: int | None = None
        self._message: tuple[str, str] = ("", "")
        self._scale, self._origin = 1.0, (0.0, 0.0)
        self._fitted = True
        self._photo: PhotoImage | None = None
        self._pending = ""
        self._awaiting = ""
        self._press: tuple[int, int, tuple[float, float], bool] | None = None
        self._ready = False
        self._image = self.create_image(0, 0, anchor="nw")
        self._texts: list[tuple[int, list[Any]]] = []
        self._fonts: dict[tuple[bool, bool, int], tkfont.Font] = {}
        self._title = self.create_text(0, 0, text="", justify="center")
        self._hint = self.create_text(0, 0, text="", justify="center")
        self._zoom_buttons = self._build_buttons()
        self.bind("<Configure>", lambda event: self._resized())
        self.bind("<ButtonPress-1>", self._pressed)
        self.bind("<B1-Motion>", self._dragged)
        self.bind("<ButtonRelease-1>", self._released)
        self.bind("<Motion>", self._moved)
        self.bind("<Control-MouseWheel>", lambda e: self._zoom_at(1.0015**e.delta, e.x, e.y))
        self.bind("<Control-Button-4>", lambda e: self._zoom_at(1.15, e.x, e.y))
        self.bind("<Control-Button-5>", lambda e: self._zoom_at(1 / 1.15, e.x, e.y))
        for sequence, dx, dy in (("<Button-4>", 0, -60), ("<Button-5>", 0, 60),
                                 ("<Shift-Button-4>", -60, 0), ("<Shift-Button-5>", 60, 0)):  # fmt: skip
            self.bind(sequence, partial(self._wheel, dx, dy))
        self.bind("<MouseWheel>", lambda e: self._pan(0, -e.delta / 2))
        self.bind("<Shift-MouseWheel>", lambda e: self._pan(-e.delta / 2, 0))

    def _build_buttons(self) -> dict[str, ctk.CTkButton]:
        row = ctk.CTkFrame(self, fg_color="transparent", corner_radius=0)
        row.place(relx=1.0, x=-12, y=10, anchor="ne")
        self._zoom_row = row
        buttons = {}
        for place, (role, width, command) in enumerate(
            (
                ("minus", 30, lambda: self._zoom_at(1 / 1.25)),
                ("percent", 58, lambda: self._zoom_at(1 / self._scale)),
                ("plus", 30, lambda: self._zoom_at(1.25)),
                ("fit", 64, self.fit),
            )
        ):
            buttons[role] = ctk.CTkButton(row, width=width, height=28, corner_radius=6, command=command)
            buttons[role].grid(row=0, column=place, padx=2)
        return buttons

    # ── What is shown ─────────────────────────────────────────────────────────────────────────────────────────────

    def ready(self) -> None:
        """Drawing may begin: matplotlib is there."""
        self._ready = True
        self.redraw()

    def dress(self, look: Look) -> None:
        self._look = look
        self.configure(background=look["canvas"])
        self._fonts.clear()
        for role, text in (("minus", "−"), ("plus", "+"), ("fit", look.words("bar.fit")), ("percent", None)):
            self._zoom_buttons[role].configure(
                fg_color=look["button"], hover_color=look["button_hover"], text_color=look["text"],
                font=look.font(13), bg_color=look["canvas"], **({} if text is None else {"text": text}),
            )  # fmt: skip
        self._zoom_row.configure(fg_color=look["canvas"], bg_color=look["canvas"])
        self.itemconfigure(self._title, fill=look["text"], font=look.font(20, bold=True))
        self.itemconfigure(self._hint, fill=look["quiet"], font=look.font(13))
        for _, state in self._texts:
            state[0] = None
        self.redraw()

    def show(self, playback: Playback | None, selected: int | None = None) -> None:
        """The picture at this moment."""
        if playback is None:
            self._picture = None
        elif self._playback is None or playback.trace is not self._playback.trace:
            self._arrange(playback)
        self._playback, self._selected = playback, selected
        self._follow()
        self.redraw()

    def say(self, title: str, hint: str) -> None:
        """What stands on the ground while there is no picture on it."""
        self._message = (title, hint)
        self.redraw()

    def _arrange(self, playback: Playback) -> None:
        """Makes the picture of another trace; of a large one in a thread, so that the window goes on."""
        if self._awaiting:
            self.after_cancel(self._awaiting)
            self._awaiting = ""
        if len(playback.trace.ops) <= AT_ONCE:
            self._take(Picture(playback.trace, playback.index))
            return
        self._picture = None
        made: list[Picture] = []
        work = threading.Thread(
            target=lambda: made.append(Picture(playback.trace, playback.index)), name="pullback-layout", daemon=True
        )
        work.start()
        self._awaiting = self.after(LOOK_AGAIN, self._await_picture, work, made)

    def _await_picture(self, work: threading.Thread, made: list[Picture]) -> None:
        self._awaiting = ""
        if work.is_alive():
            self._awaiting = self.after(LOOK_AGAIN, self._await_picture, work, made)
        elif made:
            self._take(made[0])
            self._on_picture()

    def _take(self, picture: Picture) -> None:
        self._picture = picture
        if self._fitted:
            self._fit_view()
        self._follow()
        self.redraw()

    @property
    def arranging(self) -> bool:
        """Whether the picture is still being made."""
        return bool(self._awaiting)

    @property
    def picture(self) -> Picture | None:
        return self._picture

    def fit(self) -> None:
        """All of the picture, never enlarged beyond its size."""
        self._fitted = True
        self._fit_view(whole=True)
        self.redraw()

    def redraw(self) -> None:
        """Draws once when Tk has nothing else to do, however often it is asked."""
        if not self._pending:
            self._pending = self.after_idle(self._draw)

    def destroy(self) -> None:
        for pending in (self._pending, self._awaiting):
            if pending:
                self.after_cancel(pending)
        super().destroy()

    # ── The view ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _fit_view(self, *, whole: bool = False) -> None:
        if self._picture is None:
            return
        left, top, right, bottom = self._picture.bounds
        width, height = self.winfo_width(), self.winfo_height() - 80
        scale = min(1.25, width / max(right - left, 1), height / max(bottom - top, 1))
        # What would be too small to read opens at a size that can be read, and follows the current card.
        if scale < COMFORTABLE and not whole:
            scale = 0.8
        self._scale = max(SMALLEST, min(LARGEST, scale))
        room = width / self._scale
        x = (left + right - room) / 2 if right - left <= room + 1 else left
        y = (top + bottom) / 2 - self.winfo_height() / self._scale / 2
        self._origin = (x, max(y, top - 40 / self._scale) if bottom - top > height / self._scale else y)

    def _follow(self) -> None:
        """Keeps the current card in sight."""
        if self._picture is None or self._playback is None:
            return
        card = self._picture.current_card(self._playback)
        if card is None:
            return
        left, top, right, bottom = self._picture.rect(card)
        x, y = self._origin
        width, height = self.winfo_width() / self._scale, self.winfo_height() / self._scale
        if right - left > width or bottom - top > height:
            return
        if left < x or right > x + width:
            x = (left + right - width) / 2
        if top < y or bottom > y + height:
            y = (top + bottom - height) / 2
        self._origin = (x, y)

    def _point(self, x: float, y: float) -> tuple[float, float]:
        return (self._origin[0] + x / self._scale, self._origin[1] + y / self._scale)

    def _zoom_at(self, factor: float, x: float | None = None, y: float | None = None) -> None:
        x = self.winfo_width() / 2 if x is None else x
        y = self.winfo_height() / 2 if y is None else y
        fixed = self._point(x, y)
        self._scale = max(SMALLEST, min(LARGEST, self._scale * factor))
        self._origin = (fixed[0] - x / self._scale, fixed[1] - y / self._scale)
        self._fitted = False
        self.redraw()

    def _wheel(self, dx: float, dy: float, event: tk.Event[tk.Misc]) -> None:
        self._pan(dx, dy)

    def _pan(self, dx: float, dy: float) -> None:
        self._origin = (self._origin[0] + dx / self._scale, self._origin[1] + dy / self._scale)
        self._fitted = False
        self.redraw()

    def _resized(self) -> None:
        if self._fitted:
            self._fit_view()
        self.redraw()

    # ── The mouse ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _pressed(self, event: tk.Event[tk.Misc]) -> None:
        self.focus_set()
        self._press = (event.x, event.y, self._origin, False)

    def _dragged(self, event: tk.Event[tk.Misc]) -> None:
        if self._press is None:
            return
        x, y, origin, moved = self._press
        if not moved and abs(event.x - x) + abs(event.y - y) <= CLICK:
            return
        self._press = (x, y, origin, True)
        self._origin = (origin[0] - (event.x - x) / self._scale, origin[1] - (event.y - y) / self._scale)
        self._fitted = False
        self.redraw()

    def _released(self, event: tk.Event[tk.Misc]) -> None:
        press, self._press = self._press, None
        if press is None or press[3] or self._picture is None or self._playback is None:
            return
        point = self._point(event.x, event.y)
        seed = self._picture.seed_at(*point, self._playback)
        card = self._picture.card_at(*point, self._playback)
        wire = self._wire_under(point) if card is None else None
        if seed is not None:
            self._on_seed(seed)
        elif wire is not None:
            self._on_wire(wire)
        else:
            self._on_card(card)

    def _moved(self, event: tk.Event[tk.Misc]) -> None:
        if self._picture is None or self._playback is None:
            return
        point = self._point(event.x, event.y)
        active = (
            self._picture.card_at(*point, self._playback) is not None
            or self._picture.seed_at(*point, self._playback) is not None
            or self._wire_under(point) is not None
        )
        self.configure(cursor="hand2" if active else "")

    def _wire_under(self, point: tuple[float, float]) -> Wire | None:
        assert self._picture is not None
        assert self._playback is not None
        if self._scale < READABLE / 2:
            return None
        return self._picture.wire_at(*point, self._playback, 7 / self._scale)

    # ── Drawing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _draw(self) -> None:
        self._pending = ""
        look = self._look
        width, height = self.winfo_width(), self.winfo_height()
        if look is None or width < 2 or height < 2:
            return
        empty = self._playback is None or self._picture is None or not self._playback.cursor
        self.coords(self._title, width / 2, height / 2 - 16)
        self.coords(self._hint, width / 2, height / 2 + 16)
        self.itemconfigure(self._title, text=self._message[0] if empty else "", width=width - 40)
        self.itemconfigure(self._hint, text=self._message[1] if empty else "", width=width - 40)
        percent = f"{self._scale * 100:.0f}%"
        if self._zoom_buttons["percent"].cget("text") != percent:
            self._zoom_buttons["percent"].configure(text=percent)
        if not self._ready:
            return
        from PIL import ImageTk

        from gui import paint

        scene, overlay = Scene(), Scene()
        if self._picture is not None and self._playback is not None and not empty:
            x, y = self._origin
            view = (x, y, x + width / self._scale, y + height / self._scale)
            scene = self._picture.scene(
                self._playback, look.words, view=view, scale=self._scale, selected=self._selected
            )
            overlay = legend(look.words, 16, height - 20, hints=width > 560)
        renderer = paint.screen(width, height, look.palette)
        painter = paint.Painter(renderer, height, look.palette, scale=self._scale, origin=self._origin)
        painter.paint(scene, text=False)
        paint.Painter(renderer, height, look.palette).paint(overlay, text=False)
        if self._photo is None or (self._photo.width(), self._photo.height()) != (width, height):
            self._photo = ImageTk.PhotoImage("RGBA", (width, height))
            self.itemconfigure(self._image, image=self._photo)
        self._photo.paste(paint.pixels(renderer))
        self._write(scene, overlay, look)

    def _write(self, scene: Scene, overlay: Scene, look: Look) -> None:
        """Puts the texts where they belong; items are reused and only what differs is told to Tk."""
        placed = [
            ((label.x - self._origin[0]) * self._scale, (label.y - self._origin[1]) * self._scale, self._scale, label)
            for label in (scene.labels if self._scale >= READABLE else ())
        ]
        placed += [(label.x, label.y, 1.0, label) for label in overlay.labels]
        for number, (x, y, scale, label) in enumerate(placed):
            if number == len(self._texts):
                self._texts.append((self.create_text(0, 0), [None]))
            item, state = self._texts[number]
            self.coords(item, x, y)
            key = (label, scale)
            if state[0] != key:
                self.itemconfigure(
                    item, text=label.text, fill=look[label.colour], font=self._font(label, scale, look),
                    anchor={"w": "w", "e": "e", "c": "center"}[label.anchor], state="normal",
                )  # fmt: skip
                state[0] = key
        for item, state in self._texts[len(placed) :]:
            if state[0] != "":
                self.itemconfigure(item, state="hidden")
                state[0] = ""

    def _font(self, label: Label, scale: float, look: Look) -> tkfont.Font:
        key = (label.mono, label.bold, max(1, int(label.size * scale)))
        if key not in self._fonts:
            self._fonts[key] = tkfont.Font(self, font=look.font(key[2], mono=label.mono, bold=label.bold))
        return self._fonts[key]
