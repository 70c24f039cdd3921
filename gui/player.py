"""Steps by themselves, so many a second, until the end or until the reader steps in."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from gui.session import Session


class Player:
    """Plays a session; ``on_change`` is called when it starts and stops.

    Attributes:
        speed: steps a second.
    """

    def __init__(self, widget: tk.Misc, session: Session, on_change: Callable[[], object]) -> None:
        self._widget = widget
        self._session = session
        self._on_change = on_change
        self._pending = ""
        self._left_at = -1
        self.speed: float = 2

    @property
    def playing(self) -> bool:
        return bool(self._pending)

    def toggle(self) -> None:
        """Plays from here, from the beginning once the end is reached; or pauses."""
        if self.playing:
            self.stop()
            return
        playback = self._session.playback
        if playback is None or self._session.busy or not playback.trace.events:
            return
        if playback.at_end:
            self._session.home()
        else:
            self._session.step()
        self._wait()
        self._on_change()

    def stop(self) -> None:
        if self.playing:
            self._widget.after_cancel(self._pending)
            self._pending = ""
            self._on_change()

    def _wait(self) -> None:
        playback = self._session.playback
        self._left_at = playback.cursor if playback is not None else -1
        self._pending = self._widget.after(round(1000 / self.speed), self._step)

    def _step(self) -> None:
        playback = self._session.playback
        # A cursor that is elsewhere now was moved by the reader.
        goes_on = playback is not None and not self._session.busy and playback.cursor == self._left_at
        if goes_on:
            self._session.step()
            playback = self._session.playback
        if goes_on and playback is not None and not playback.at_end:
            self._wait()
        else:
            self._pending = ""
            self._on_change()
