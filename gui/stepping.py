"""Into folded groups and nodes, and out of them, as a debugger goes into calls."""

from __future__ import annotations

from core.playback import Playback
from gui.canvas.canvas import GraphCanvas
from gui.picture.scene import Picture
from gui.session import Session


class Stepping:
    """Moves a session, and folds the picture of it.

    Args:
        session: whose cursor moves.
        canvas: whose groups unfold and fold.
    """

    def __init__(self, session: Session, canvas: GraphCanvas) -> None:
        self._session, self._canvas = session, canvas

    def into(self) -> None:
        """Unfolds the group that is next, if it is folded; otherwise tells the next part of the node that is next."""
        playback, picture = self._session.playback, self._canvas.picture
        if playback is None or picture is None:
            self._session.step()
            return
        card = None if playback.at_end else picture.card_now(playback.forward())
        group = picture.group_of(card) if card is not None else ""
        if group:
            self._canvas.fold(group)
        else:
            self._session.into()

    def out(self) -> None:
        """To the end of the node that is told; else to where the run leaves the group it is in, which folds."""
        playback, picture = self._session.playback, self._canvas.picture
        if playback is None or picture is None:
            return
        if playback.part:
            self._session.finish()
            return
        card = picture.card_now(playback)
        group = picture.frame_of(card) if card is not None else ""
        if group:
            self._session.seek(_end(playback, picture, group))
            self._canvas.fold(group)


def _end(playback: Playback, picture: Picture, group: str) -> int:
    """The cursor after the last of the next events that belong to a group."""
    cards = picture.contents.cards(group)
    while not playback.at_end and picture.card_now(playback.forward()) in cards:
        playback = playback.forward()
    return playback.cursor
