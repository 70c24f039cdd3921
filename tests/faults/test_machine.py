"""A sample of what ``make machine`` walks through."""

from __future__ import annotations

import pytest

from tests.faults.machine import check


@pytest.mark.usefixtures("display")
def test_the_window_answers_keeps_all_and_tells_torchs_gradients_whatever_is_done() -> None:
    found = check(2, 12)
    assert sum(found.steps.values()) > 12
    assert found.compared > 3
