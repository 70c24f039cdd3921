"""A program of ``bench/programs``: run as it stands, or taken apart so that its forward pass can be repeated."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

from torch import Tensor

PROGRAMS = Path(__file__).parent / "programs"
BACKWARD = "forward().backward()"


def source(name: str) -> str:
    """Text of the program."""
    return (PROGRAMS / f"{name}.py").read_text(encoding="utf-8")


def run(name: str, ending: str = BACKWARD, **names: Any) -> dict[str, Any]:
    """Runs the program as Python would, silently, with another last line if wished; returns its globals."""
    namespace = {"__name__": "__main__", **names}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(source(name).replace(BACKWARD, ending), f"{name}.py", "exec"), namespace)
    return namespace


class Workload:
    """What a program defines before its last line.

    Attributes:
        model, x: the module and its input; None where there is no module.
    """

    def __init__(self, name: str) -> None:
        namespace = run(name, ending="")
        self.model, self.x = namespace.get("model"), namespace.get("x")
        self._parameters: list[Tensor] = namespace["parameters"]
        self._forward = namespace["forward"]

    def loss(self) -> Tensor:
        """A new forward pass, with no gradients left from an earlier one."""
        for parameter in self._parameters:
            parameter.grad = None
        loss: Tensor = self._forward()
        return loss
