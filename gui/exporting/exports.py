"""Everything that leaves the window: the sheet, what it is told of the screen, and the work itself."""

from __future__ import annotations

import tkinter.filedialog
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.client import Client
from gui.export.order import Order
from gui.export.products import product_of
from gui.exporting import window_shot
from gui.exporting.exporter import Exporter, Shown
from gui.exporting.sheet import ExportSheet
from gui.exporting.wishes import OFFERED, Wishes, understood
from gui.picture.groups import Folding

if TYPE_CHECKING:
    from gui.app import App


LONGEST: Final = 60.0
"""Seconds a program may run for an export, where the reader has set no limit."""


class Exports:
    """What the menus, keys and buttons ask for."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.exporter = Exporter(app, app.told, self._worker)
        self.sheet = ExportSheet(app, self.shown, on_save=self._ask_where, on_copy=self._copy)

    def _worker(self) -> Client:
        """One beside the window's own, which goes on with what it does."""
        limits = self._app.settings.limits
        return Client(spare=False, limits=replace(limits, seconds=limits.seconds or LONGEST))

    def open(self) -> None:
        """Opens the sheet."""
        self.sheet.wishes = understood(self._app.settings.export)
        self.sheet.open()

    def to(self, path: str | Path, wishes: Wishes | None = None) -> None:
        """Writes what is wished for of what is on the screen; without wishes, the ending of the file says what."""
        path, shown = Path(path), self._something()
        if shown is None:
            return
        try:
            wishes = wishes or Wishes().wishing(product=product_of(path).name)
        except ValueError as error:
            self._app.told("error.file_write", wrong=True, name=path.name, reason=str(error))
            return
        order = wishes.order(shown)
        if wishes.product == "lesson":
            shown = replace(shown, lesson=self._app.lessons.in_language(order.lang))
        self.exporter.to_file(shown, order, path, wishes.product)

    def copy(self) -> None:
        """Puts the picture, as it is on the screen, on the clipboard."""
        self._copy(Wishes())

    def shown(self) -> Shown | None:
        """What is on the screen."""
        app, session = self._app, self._app.session
        playback, picture = session.playback, app.canvas.picture
        if playback is None:
            return None
        from gui.export.knowledge import Knowledge

        order = Order(
            step=playback.cursor, theme=app.look.name, lang=app.look.words.language, colours=app.settings.colours,
            direction=app.settings.direction, folding=picture.folding if picture is not None else Folding(),
            chosen=app.selected,
        )  # fmt: skip
        marked, selected = app.canvas.marquee.cards, app.selected
        if not marked and picture is not None and selected is not None:
            marked = picture.ways.near(picture.seen_with(selected))
        event = playback.event
        return Shown(
            playback.trace, order, Knowledge(dict(session.answers)),
            askable=not (session.obstacle or app.lessons.asking), written=session.written,
            lesson=app.lessons.here,
            seen=app.canvas.marquee.within(app.canvas.view.rect), chosen=marked,
            pass_=event.pass_ if event is not None else None,
        )  # fmt: skip

    def close(self) -> None:
        """The window closes."""
        self.sheet.preview.stop()
        self.exporter.close()

    # ── Deeds of the sheet ────────────────────────────────────────────────────────────────────────────────────────

    def _something(self) -> Shown | None:
        shown = self.shown()
        if shown is None:
            self._app.told("error.export_nothing", wrong=True)
        return shown

    def _copy(self, wishes: Wishes) -> None:
        if (shown := self._something()) is not None:
            self.exporter.to_clipboard(shown, wishes.order(shown))

    def _ask_where(self, wishes: Wishes) -> None:
        """Lets the reader choose a file."""
        self._app.keep(export=wishes.kept())
        if wishes.product == "window":
            self._app.after(window_shot.SETTLE, self._shoot, wishes)  # the sheet has to be gone
        elif (shown := self._something()) is not None and (path := self._where(wishes, shown)) is not None:
            self.to(path, wishes)

    def _shoot(self, wishes: Wishes) -> None:
        try:
            picture = window_shot.take(self._app)
        except OSError as error:
            self._app.told("error.window_shot", wrong=True, reason=str(error))
            return
        if (path := self._where(wishes, None)) is not None:
            window_shot.save(picture, path, self._app.told)

    def _where(self, wishes: Wishes, shown: Shown | None) -> Path | None:
        """The file of the reader's choice."""
        app, say = self._app, self._app.look.words
        endings = OFFERED[wishes.product].endings
        first = sorted(endings, key=lambda ending: ending != wishes.ending)
        name = tkinter.filedialog.asksaveasfilename(
            parent=app, title=say("export.title"), defaultextension=wishes.ending,
            initialfile=f"{self._stem(wishes, shown)}{wishes.ending}",
            filetypes=[(say(f"export.ending{ending}"), f"*{ending}") for ending in first],
        )  # fmt: skip
        return Path(name) if name else None

    def _stem(self, wishes: Wishes, shown: Shown | None) -> str:
        """What a file is called where the reader does not say: the program, and the step or the product."""
        stem = Path(self._app.session.path).stem or "pullback"
        if wishes.product == "picture" and shown is not None:
            return f"{stem}-{shown.order.step}"
        if wishes.product == "lesson" and shown is not None and shown.lesson is not None:
            return shown.lesson[0].head.id
        return stem if wishes.product == "trace" else f"{stem}-{wishes.product}"
