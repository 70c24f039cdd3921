"""A part of a picture: some of its boxes, the lines between them, and the open groups they fill."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gui.picture.standing import Standing


@dataclass(frozen=True, eq=False)
class Part:
    """Attributes:
    units, strands: which of the picture's boxes and lines belong to it.
    groups: open groups that belong to it as a whole.
    shown, every: how many boxes it and the whole picture have.
    """

    units: np.ndarray
    strands: np.ndarray
    groups: frozenset[str]
    shown: int
    every: int

    @staticmethod
    def of(standing: Standing, cards: Iterable[int]) -> Part:
        """The boxes that show these cards; a value that is drawn again beside its user goes with its user."""
        main = {standing.unit_of_card[card] for card in cards if standing.shows(card)}
        units = np.array([unit.user in main if unit.user is not None else number in main
                          for number, unit in enumerate(standing.units)], bool)  # fmt: skip
        strands = np.array([units[strand.source] and units[strand.target] for strand in standing.strands], bool)
        missing = {unit.around for unit, shown in zip(standing.units, units, strict=True) if not shown}
        whole = (group for group in standing.frames
                 if not any(f"{around}/".startswith(f"{group}/") for around in missing))  # fmt: skip
        every = sum(unit.user is None for unit in standing.units)
        return Part(units, strands, frozenset(whole), len(main), every)
