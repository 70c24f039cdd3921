"""Pictures of the course's programs, compared with those that were looked at and found good.

make golden                 draws them anew from the stored traces; look at them before they are committed
make golden ARGS=--record   records the programs anew first, with the engine as it is now
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from core.files import read_trace, write_whole
from core.records import Cut, Options, WhatIf, pack_trace
from tests.gui.exports import export_picture

FOLDER = Path(__file__).parent / "golden"
LEVELS, SHARE = 8, 0.001
"""A pixel differs where a channel does by more than that many levels; so many of them may."""

Q = """import torch
a = torch.tensor([2., 3.], requires_grad=True)
b = torch.tensor([6., 4.], requires_grad=True)
Q = 3*a**3 - b**2
"""
X = "import torch\nx = torch.arange(4.0, requires_grad=True)\n"
PROGRAMS: dict[str, tuple[str, WhatIf]] = {
    "q": (Q + "Q.backward(gradient=torch.tensor([1., 1.]))\n", WhatIf()),
    "q-seed": (Q + "Q.backward(gradient=torch.tensor([1., 1.]))\n", WhatIf(seeds={0: (2.0, 0.5)})),
    "q-cut": (Q + "Q.backward(gradient=torch.tensor([1., 1.]))\n", WhatIf(cuts=(Cut("4:b**2"),))),
    "squares": (
        "import torch\nx = torch.tensor([2., 3.], requires_grad=True)\ny = torch.stack([x[0]**2, x[1]**3])\n"
        "for v in ([1., 1.], [2., 0.]):\n    x.grad = None\n"
        "    y.backward(gradient=torch.tensor(v), retain_graph=True)\n",
        WhatIf(),
    ),
    "dot": (
        X + "y = 2 * torch.dot(x, x)\ny.backward()\nx.grad.zero_()\ny = x.sum()\ny.backward()\n",
        WhatIf(),
    ),
    "mean": (X + "y = x * x\ny.mean().backward()\n", WhatIf()),
    "detach": (X + "y = x * x\nu = y.detach()\nz = u * x\nz.sum().backward()\n", WhatIf()),
    "flow": (
        "import torch\na = torch.tensor(1.5410, requires_grad=True)\ndef f(a):\n    b = a * 2\n"
        "    while b.norm() < 1000:\n        b = b * 2\n    if b.sum() > 0:\n        c = b\n    else:\n"
        "        c = 100 * b\n    return c\nd = f(a)\nd.backward()\n",
        WhatIf(),
    ),
    "loss": (
        "import torch\np = torch.tensor([0.5, 2.], requires_grad=True)\n"
        "loss = torch.nn.MSELoss()(p, torch.tensor([1., 1.]))\nloss.backward()\n",
        WhatIf(),
    ),
    "broadcast": (
        "import torch\nx = torch.ones(3, requires_grad=True)\nW = torch.ones(4, 3, requires_grad=True)\n"
        "(x + W).sum().backward()\n",
        WhatIf(),
    ),
    "failed": (X + "y = x * torch.ones(3)\n", WhatIf()),
}


class Case(NamedTuple):
    """One picture: a program at a moment; ``pass_`` as in ``export_picture``."""

    program: str
    step: int | str
    pass_: int | None = None
    theme: str = "light"
    lang: str = "en"
    direction: str = ""

    @property
    def name(self) -> str:
        at = "" if self.pass_ is None else f"p{self.pass_}"
        parts = (self.program, at, str(self.step), self.theme, self.lang, self.direction)
        return "-".join(part for part in parts if part)

    def draw(self, path: Path) -> None:
        how: dict[str, Any] = {"step": self.step, "pass_": self.pass_, "theme": self.theme, "lang": self.lang}
        how["direction"] = self.direction or "right"
        export_picture(read_trace(FOLDER / f"{self.program}.pullback"), path, scale=1, **how)


CASES = (
    Case("q", 4),
    Case("q", 0, 0),
    Case("q", 3, 0),
    Case("q", 3, 0, "dark"),
    Case("q", 4, 0, "light", "zh"),
    Case("q", "last"),
    Case("q-seed", "last", theme="dark"),
    Case("q-cut", 2, 0),
    Case("q-cut", 2, 0, "dark", "zh"),
    Case("squares", 3, 1),
    Case("dot", 2, 0),
    Case("dot", "last", theme="dark"),
    Case("squares", "last", theme="dark"),
    Case("mean", 2, 0),
    Case("mean", "last", theme="dark"),
    Case("detach", 2, 0),
    Case("detach", "last", theme="dark"),
    Case("flow", 9, 0),
    Case("flow", "last", theme="dark"),
    Case("loss", 1, 0),
    Case("loss", "last", theme="dark"),
    Case("broadcast", 2, 0),
    Case("broadcast", "last", theme="dark"),
    Case("failed", "last", lang="zh"),
    Case("failed", "last", theme="dark"),
    Case("q", 3, 0, direction="down"),
    Case("detach", 2, 0, "dark", "zh", "down"),
)


def differing(one: Image.Image, other: Image.Image) -> float:
    """Share of the pixels that differ to the eye; 1 where the sizes do."""
    if one.size != other.size:
        return 1.0
    levels = np.abs(np.asarray(one.convert("RGB"), int) - np.asarray(other.convert("RGB"), int)).max(axis=2)
    return float((levels > LEVELS).mean())


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_pictures_are_as_they_were(case: Case, tmp_path: Path) -> None:
    drawn = tmp_path / f"{case.name}.png"
    case.draw(drawn)
    with Image.open(FOLDER / drawn.name) as golden, Image.open(drawn) as picture:
        share = differing(golden, picture)
    assert share < SHARE, f"{share:.2%} of the pixels differ: {drawn}; if it is better so: make golden"


def test_a_moved_figure_is_a_difference() -> None:
    with Image.open(FOLDER / "q-p0-3-light-en.png") as golden:
        other = golden.copy()
        card = golden.crop((20, 20, 120, 60))
        other.paste(card, (22, 20))
        assert differing(golden, golden) == 0
        assert differing(golden, other) > SHARE
        assert differing(golden, golden.crop((0, 0, 100, 100))) == 1


def test_no_picture_is_left_over() -> None:
    assert {path.stem for path in FOLDER.glob("*.png")} == {case.name for case in CASES}
    assert {path.stem for path in FOLDER.glob("*.pullback")} == set(PROGRAMS)


def remake(record_too: bool) -> None:
    if record_too:
        from core.engine import record

        for name, (source, what_if) in PROGRAMS.items():
            write_whole(FOLDER / f"{name}.pullback", pack_trace(record(source, what_if, Options(verify=False))))
    for old in FOLDER.glob("*.png"):
        old.unlink()
    for case in CASES:
        case.draw(FOLDER / f"{case.name}.png")


if __name__ == "__main__":
    remake("--record" in sys.argv)
