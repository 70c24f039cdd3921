"""The what-ifs the reader has gone through; undo is cursor − 1."""

from __future__ import annotations

from typing import NamedTuple

from core.records import WhatIf


class History(NamedTuple):
    """Attributes:
    states: every state, the oldest first.
    cursor: which of them holds now.
    """

    states: tuple[WhatIf, ...] = (WhatIf(),)
    cursor: int = 0

    @property
    def now(self) -> WhatIf:
        return self.states[self.cursor]

    def at(self, cursor: int) -> History:
        """Another of the states, or this one where there is none further on."""
        return self._replace(cursor=min(max(cursor, 0), len(self.states) - 1))

    def then(self, what_if: WhatIf) -> History:
        """A new state; what was undone is forgotten."""
        return History((*self.states[: self.cursor + 1], what_if), self.cursor + 1)

    def instead(self, what_if: WhatIf) -> History:
        """A new state in place of this one, as while something is dragged."""
        return self.at(self.cursor - 1).then(what_if) if self.cursor else self.then(what_if)

    def without(self, what_if: WhatIf) -> History:
        """As though a state that was refused had never been; what was before it holds."""
        kept = tuple(state for state in self.states[: self.cursor + 1] if state != what_if)
        return History(kept or (WhatIf(),), max(len(kept) - 1, 0))
