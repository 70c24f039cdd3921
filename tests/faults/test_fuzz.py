"""A sample of the mutants that ``make fuzz`` tries: files of every kind are read or refused in one line."""

from __future__ import annotations

import pytest

from tests.faults.fuzz import GROWTH, KINDS, fuzz


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_with_changed_bytes_is_read_or_refused_in_one_line(kind: str) -> None:
    result = fuzz(kind, 300)
    assert not result.faults
    assert result.outcomes["read"] + result.outcomes["refused"] == 300
    assert result.outcomes["refused"] > 50
    assert result.grown < GROWTH
