"""Expressions that a reader types: what they give, and what is refused."""

from __future__ import annotations

import time

import numpy as np
import pytest

from core.expression import ExpressionError, Values, evaluate
from core.playback import Playback
from tests.gui import traces

NAMES = {"Q": np.array([-12.0, 65.0]), "a": np.array([2.0, 3.0])}


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1/n", [0.5, 0.5]),
        ("2*Q", [-24, 130]),
        ("[1, -1]", [1, -1]),
        ("1, -1", [1, -1]),
        ("i**2 + 1", [1, 2]),
        ("sin(i)", [0, np.sin(1)]),
        ("ones", [1, 1]),
        ("eye(1)", [0, 1]),
        ("9*a**2", [36, 81]),
        ("a > 2", [0, 1]),
        ("Q[1] - Q[0]", [77, 77]),
        ("a @ Q", [171, 171]),
        ("shape[0]", [2, 2]),
        ("−2×π", [-2 * np.pi, -2 * np.pi]),
        ("1/0", [np.inf, np.inf]),
    ],
)
def test_what_an_expression_gives(text: str, numbers: list[float]) -> None:
    assert evaluate(text, NAMES, (2,)) == pytest.approx(np.array(numbers))


def test_a_matrix_is_filled_row_by_row() -> None:
    assert evaluate("10*i", {}, (2, 3)).tolist() == [[0, 10, 20], [30, 40, 50]]
    assert evaluate("eye(4)", {}, (2, 3)).tolist() == [[0, 0, 0], [0, 1, 0]]
    assert evaluate("[1, 2, 3]", {}, (2, 3)).tolist() == [[1, 2, 3], [1, 2, 3]]


def test_without_a_shape_the_result_keeps_its_own() -> None:
    assert evaluate("9*a**2", NAMES).tolist() == [36, 81]
    assert evaluate("[a, Q]", NAMES).shape == (2, 2)
    with pytest.raises(ExpressionError):
        evaluate("i", NAMES)  # the index of what?


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("", "empty"),
        ("2 a", "unread"),
        ("x", "name"),
        ("foo(1)", "name"),
        ("a.grad", "part"),
        ("'a'", "part"),
        ("[x for x in a]", "part"),
        ("(lambda: 1)()", "part"),
        ("a^2", "power"),
        ("[1, 2, 3]", "shape"),
        ("a + [1, 2, 3]", "shapes"),
        ("[a, 1]", "shapes"),
        ("a[2]", "index"),
        ("eye(2)", "index"),
        ("max([])", "index"),
        ("sin(1, 2)", "arguments"),
        ("9**9**9", "large"),
        ("10**400", "large"),
        ("[" * 60 + "1" + "]" * 60, "large"),
        ("-" * 300 + "1", "large"),
        ("+".join("a" * 300), "large"),
        ("transpose([i]) @ [i]", "large"),
    ],
)
def test_what_is_refused_is_refused_at_once(text: str, key: str) -> None:
    began = time.monotonic()
    with pytest.raises(ExpressionError) as refused:
        evaluate(text, NAMES, (2,) if "@" not in text else (400,))
    assert refused.value.key == f"expression.{key}"
    assert time.monotonic() - began < 1


def test_both_shapes_are_said() -> None:
    with pytest.raises(ExpressionError) as refused:
        evaluate("[1, 2, 3]", {}, (2, 2))
    assert refused.value.facts == {"given": "[3]", "needed": "[2, 2]"}


def test_the_values_of_a_run_by_their_names_as_they_stand() -> None:
    playback = Playback.of(traces.first())
    assert set(Values(playback.at(1))) == {"a"}
    values = Values(playback.end())
    assert values["Q"].tolist() == [-12, 65]
    assert evaluate("Q + a", values, (2,)).tolist() == [-10, 68]
