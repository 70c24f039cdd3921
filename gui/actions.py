"""What the reader does with cards, edges and places of the run; a program that runs is left alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from core.edits import applied, edits
from core.playback import Playback
from gui import context
from gui.picture.cards import Card, Graph, Wire
from gui.session import Session

Place = Callable[[Playback], int | None]
"""Finds a cursor from where a run stands; None where there is no such place."""


class Actions:
    """Acts on a session.

    Args:
        session: whose what-ifs and cursor change.
        graph: → what is drawn; None while nothing is.
    """

    def __init__(self, session: Session, graph: Callable[[], Graph | None]) -> None:
        self._session, self._graph = session, graph

    def toggle_use(self, wire: Wire) -> None:
        """Cuts this use of the value, undoes the cut, or heals a ``.detach()``."""
        playback, graph = self._session.playback, self._graph()
        if playback is None or graph is None or self._session.busy:
            return
        heal = context.heal_of(playback, graph, wire)
        cut = context.cut_of_use(playback, graph, wire)
        if heal is not None:
            self._session.toggle_heal(heal)
        elif cut is not None:
            self._session.toggle_cut(cut)

    def toggle_bundle(self, wires: Sequence[int]) -> None:
        playback, graph = self._session.playback, self._graph()
        if playback is None or graph is None or self._session.busy:
            return
        cuts = context.cuts_of_bundle(playback, graph, wires)
        if cuts:
            self._session.toggle_cuts(cuts)

    def toggle_all(self, card: Card) -> None:
        playback = self._session.playback
        cut = context.cut_of_all(playback, card) if playback is not None else None
        if cut is not None and not self._session.busy:
            self._session.toggle_cut(cut)

    def run_to(self, card: int) -> None:
        playback, graph = self._session.playback, self._graph()
        if playback is not None and graph is not None:
            self._session.seek(context.moment_of(playback, graph.cards[card]))

    def jump(self, find: Place) -> None:
        playback = self._session.playback
        place = find(playback) if playback is not None else None
        if place is not None:
            self._session.seek(place)

    @property
    def as_code(self) -> str | None:
        """The program with the what-ifs written into it; None where that cannot be."""
        session = self._session
        if session.playback is None or session.stale or session.busy or session.recorded:
            return None
        found = edits(session.playback.trace)
        return None if found is None else applied(session.source, found)
