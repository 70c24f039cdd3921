"""Cards → the groups that fold: modules, loops and their turns, repeated blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Folding:
    """What the reader has folded and unfolded; the groups' own start (open, or folded in large graphs) is the rest.

    Attributes:
        flipped: ids of groups that stand the other way than they started.
        depth: groups nested this deep or deeper start folded (0 folds all); None chooses by the size of the graph.
        helpers: whether operations that only make data, fill parameters or handle ``.grad`` are drawn.
    """

    flipped: frozenset[str] = frozenset()
    depth: int | None = None
    helpers: bool = False

    def toggled(self, group: str) -> Folding:
        """The same with one group folded that was open, or opened that was folded."""
        return replace(self, flipped=self.flipped ^ {group})

    def to_depth(self, depth: int | None) -> Folding:
        """Every group folded from this depth on, whatever was folded by hand before."""
        return replace(self, flipped=frozenset(), depth=depth)

    def with_helpers(self, shown: bool) -> Folding:
        return replace(self, helpers=shown)
