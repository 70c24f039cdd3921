"""The strip of everything that happened."""

from __future__ import annotations

from core.playback import Playback
from gui.timeline import Group, Timeline, without_writes
from tests.gui import traces
from tests.gui.conftest import Window


def test_among_thousands_of_events_writes_belong_to_what_they_happened_in() -> None:
    parts = [
        Group("line.forward", 0, "value", 0, 3), Group("line.write", 0, "leaf", 3, 4),
        Group("line.forward", 0, "value", 4, 9), Group("line.backward", 1, "grad", 9, 20),
        Group("line.backward", 2, "grad", 20, 30), Group("line.write", 0, "leaf", 30, 33),
    ]  # fmt: skip
    assert without_writes(parts) == [
        Group("line.forward", 0, "value", 0, 9), Group("line.backward", 1, "grad", 9, 20),
        Group("line.backward", 2, "grad", 20, 33),
    ]  # fmt: skip
    assert without_writes(parts[1:2]) == parts[1:2]


def look_of(timeline: Timeline) -> list[object]:
    """Every item as it is seen."""
    return [
        (
            timeline.type(item),
            timeline.coords(item),
            *(timeline.itemconfigure(item, key)[-1] for key in ("fill", "state")),
        )
        for item in timeline.find_all()
    ]


def test_a_what_if_leaves_the_cells_and_one_with_other_steps_changes_them(window: Window) -> None:
    window.key("<F5>")
    timeline, session = window.app.timeline, window.app.session
    session.seek(9)
    window.settle()
    items = timeline.find_all()
    session.set_seed(0, (2.0, 1.0))
    window.settle()
    assert timeline.find_all() == items
    session.seek(4)
    window.settle()
    kept = look_of(timeline)
    timeline.dress(window.app.look)  # built anew
    assert look_of(timeline) == kept
    timeline.show(Playback.of(traces.first(cut=True), 4))
    assert len(timeline.find_all()) < len(items)
