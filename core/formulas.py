"""What a node of torch computes: its own mathematics for the common ones, torch's official formula for the others."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from core.formula_table import ROWS

_OFFICIAL: Final = Path(__file__).resolve().parent.parent / "assets" / "formulas.json"


@dataclass(frozen=True, slots=True)
class InputFormula:
    """The vector–Jacobian product for one input of a node.

    Attributes:
        symbol: the input in the forward formula, such as ``a`` or ``\\gamma``.
        lines: mathtext, a line each; the first gives the gradient of the symbol, any other explains a sign in it.
    """

    symbol: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Formula:
    """The mathematics of a node, with v for the gradient that arrives and x̄ for the one that goes to x.

    Attributes:
        forward: mathtext lines of what the operation computes.
        inputs: by input, in the order of ``next_functions``.
        repeats: whether the last of the inputs stands for any number of them, with k for the number in its formula.
        sentence: the same in plain words, by language.
    """

    forward: tuple[str, ...]
    inputs: tuple[InputFormula, ...]
    repeats: bool
    sentence: dict[str, str]

    def of_input(self, slot: int) -> InputFormula | None:
        """The formula for the input at that position of ``next_functions``."""
        last = len(self.inputs) - 1
        if self.repeats and slot >= last:
            number = f"_{{{slot - last + 1}}}"
            entry = self.inputs[last]
            return InputFormula(entry.symbol, tuple(line.replace("_k", number) for line in entry.lines))
        return self.inputs[slot] if slot <= last else None


@dataclass(frozen=True, slots=True)
class OfficialFormula:
    """What torch's ``derivatives.yaml`` says of a node.

    Attributes:
        schema: the operation, as torch declares it.
        inputs: names of arguments, separated by commas → C++ expression of their gradients, in the schema's order.
    """

    schema: str
    inputs: tuple[tuple[str, str], ...]


def own_formula(node: str) -> Formula | None:
    """The mathematics of a node, by torch's name of it without a namespace, such as ``MulBackward0``."""
    return _own().get(node.removesuffix("_copy"))


def own_formulas() -> dict[str, Formula]:
    """All of them, by node."""
    return dict(_own())


def official_formula(node: str) -> OfficialFormula | None:
    """torch's own formula of a node that torch generates; None for a custom Function and what torch wrote by hand."""
    # The variants of views that copy (view_copy, …) have the formulas of the views.
    found = _official().get(node.removesuffix("_copy"))
    if found is None:
        return None
    return OfficialFormula(found["schema"], tuple((names, formula) for names, formula in found["inputs"]))


@cache
def _own() -> dict[str, Formula]:
    return {
        node: Formula(
            forward=_lines(forward),
            inputs=tuple(_input(text) for text in inputs),
            repeats=bool(inputs) and inputs[-1].startswith("*"),
            sentence={"en": english, "zh": chinese},
        )
        for nodes, forward, inputs, english, chinese in ROWS
        for node in nodes.split()
    }


def _input(text: str) -> InputFormula:
    symbol, _, gradient = text.removeprefix("*").partition(": ")
    base = symbol.partition("_")[0]
    first, *others = _lines(gradient)
    return InputFormula(base, (rf"\bar{{{base}}}{symbol.removeprefix(base)} = {first}", *others))


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.split(r"\\"))


@cache
def _official() -> dict[str, dict[str, Any]]:
    nodes: dict[str, dict[str, Any]] = json.loads(_OFFICIAL.read_text(encoding="utf-8"))["nodes"]
    return nodes
