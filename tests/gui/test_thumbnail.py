"""The colours of tensors' elements."""

from __future__ import annotations

import numpy as np
import pytest

from gui.picture.thumbnail import colours
from gui.theme import MAPS, palette_of


@pytest.mark.parametrize("name", MAPS)
def test_cold_is_below_zero_and_warm_above_and_nan_is_neither(name: str) -> None:
    palette = palette_of("light", name)
    grid = np.array([[-9, -2, 0, 2, 9, np.nan, np.nan, np.inf, -np.inf]])
    below, _, zero, _, above, nan, beside, infinite, negative = colours(grid, 4, palette=palette)[0, :, :3].astype(int)
    assert below[2] > below[0]
    assert above[0] > above[2]
    assert np.ptp(zero) <= 1
    assert (infinite == above).all()
    assert (negative == below).all()
    known = {tuple(bytes.fromhex(shade[1:])) for shade in MAPS[name]}
    assert len({tuple(nan), tuple(beside)} - known) == 2


def test_maps_differ_and_the_theme_does_not_change_them() -> None:
    grid = np.linspace(-1, 1, 9)[None]
    drawn = {name: colours(grid, 1, palette=palette_of("dark", name)) for name in MAPS}
    assert (drawn["coolwarm"] != drawn["PuOr"]).any(axis=2).all()
    assert (drawn["PuOr"] == colours(grid, 1, palette=palette_of("light", "PuOr"))).all()
