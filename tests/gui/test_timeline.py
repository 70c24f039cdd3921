"""The strip of everything that happened."""

from __future__ import annotations

from gui.timeline import Group, without_writes


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
