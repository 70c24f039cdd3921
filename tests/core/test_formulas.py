"""The formulas as the window finds them: by node, in both languages, and as torch's own file has them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.formulas import official_formula, own_formula, own_formulas

ROOT = Path(__file__).resolve().parents[2]


def test_a_product_gives_each_factor_the_other() -> None:
    formula = own_formula("MulBackward0")
    assert formula is not None
    assert formula.forward == (r"y = a \odot b",)
    assert [entry.lines for entry in formula.inputs] == [(r"\bar{a} = v \odot b",), (r"\bar{b} = v \odot a",)]
    assert formula.of_input(1) == formula.inputs[1]
    assert formula.of_input(2) is None
    assert formula.sentence["en"] == "Each factor gets v times the other factor."


def test_any_number_of_inputs_share_the_last_formula_and_are_counted() -> None:
    formula = own_formula("CatBackward0")
    assert formula is not None
    first, last = formula.of_input(0), formula.of_input(11)
    assert first is not None
    assert last is not None
    assert (first.lines, last.lines) == ((r"\bar{x}_{1} = v_{1}",), (r"\bar{x}_{12} = v_{12}",))
    in_place = own_formula("CopySlices")
    assert in_place is not None
    assert in_place.of_input(0) != in_place.of_input(1) == in_place.of_input(2)


@pytest.mark.parametrize("node", ["MyFunctionBackward", "", "MulBackward77"])
def test_an_unknown_node_has_none(node: str) -> None:
    assert own_formula(node) is None
    assert official_formula(node) is None


def test_a_view_that_copies_has_the_formula_of_the_view() -> None:
    assert own_formula("PermuteBackward0_copy") == own_formula("PermuteBackward0") is not None
    assert official_formula("PermuteBackward0_copy") == official_formula("PermuteBackward0") is not None


def test_numbers_tell_overloads_apart() -> None:
    schemas = {}
    for number in range(3):
        official = official_formula(f"PowBackward{number}")
        assert official is not None
        schemas[number] = (official.schema.partition("(")[0], [names for names, _ in official.inputs])
    assert schemas == {
        0: ("pow.Tensor_Scalar", ["self"]),
        1: ("pow.Tensor_Tensor", ["self", "exponent"]),
        2: ("pow.Scalar", ["exponent"]),
    }


@pytest.mark.parametrize(("node", "formula"), own_formulas().items())
def test_every_formula_is_explained_in_both_languages(node: str, formula: object) -> None:
    own = own_formula(node)
    assert own == formula
    assert own is not None
    assert own.sentence["en"].endswith(".")
    assert own.sentence["zh"].endswith("。")
    assert max(map(len, own.sentence.values())) < 120


def test_the_committed_file_is_what_the_script_makes(tmp_path: Path) -> None:
    made = tmp_path / "formulas.json"
    script = ROOT / "scripts" / "make_formulas.py"
    subprocess.run([sys.executable, str(script), "--out", str(made)], check=True, cwd=ROOT, timeout=60)
    assert made.read_bytes() == (ROOT / "assets" / "formulas.json").read_bytes()
