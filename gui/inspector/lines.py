"""The lines of a report: text with tags, collected from top to bottom, and how tensors and values are written there."""

from __future__ import annotations

from dataclasses import dataclass, field

from core.playback import NodeKey, Playback
from core.records import TensorSnapshot
from gui import figures
from gui.inspector.jacobian import Product
from gui.questions import Question

LIMIT = 64
"""Elements written out here."""
WIDTH = 160
"""Characters of one tensor at most."""

Part = tuple[str, str] | tuple[str, str, TensorSnapshot | None]
"""Text, the tag it is shown with, and the tensor that it is short for; with the tag ``formula`` the text is mathtext,
with ``equation`` it is the number of one of the report's products, with ``link``, ``next`` and ``play`` a deed."""


@dataclass
class Report:
    """Lines of text with tags, collected from top to bottom.

    Attributes:
        products: what is drawn between the lines.
        question: what should be asked of the worker.
        costly: whether the reader decides on that, since the program takes long.
        place: line where the answer is going to stand.
        held: whether the Jacobian of the whole pass is not told yet, since it would answer a lesson's question.
    """

    lines: list[list[Part]] = field(default_factory=list)
    numbered: int = 0
    products: list[Product] = field(default_factory=list)
    question: Question | None = None
    costly: bool = False
    place: int = 0
    held: bool = False

    def line(self, *parts: Part) -> None:
        self.lines.append(list(parts))

    def formulas(self, lines: tuple[str, ...]) -> None:
        for formula in lines:
            self.line((formula, "formula"))

    def equation(self, product: Product) -> None:
        self.line((str(len(self.products)), "equation"))
        self.products.append(product)

    def section(self, title: str) -> None:
        self.lines.append([(title, "section")])

    def stage(self, title: str) -> None:
        """A numbered section: what the engine does, in its order."""
        self.numbered += 1
        self.section(f"{self.numbered} · {title}")

    @property
    def tensors(self) -> list[TensorSnapshot]:
        """Those that parts of the lines are short for, in their order."""
        return [part[2] for line in self.lines for part in line if len(part) > 2 and part[2] is not None]

    @property
    def text(self) -> str:
        return "\n".join("".join(part[0] for part in line if part[1] != "equation") for line in self.lines)


def say(snapshot: TensorSnapshot | None) -> str:
    """A tensor as the inspector writes it."""
    return figures.clip(figures.tensor(snapshot, small=LIMIT), WIDTH)


def opens(tensor: TensorSnapshot | None, tag: str) -> Part:
    """A tensor as a part of a line, which opens it."""
    return say(tensor), tag, tensor


def value_name(playback: Playback, value: int) -> str:
    """What the program calls a value, else the expression that made it."""
    trace = playback.trace
    names = trace.values[value].names
    if names:
        return names[0]
    producer = playback.index.producer.get(value)
    if producer is None:
        return f"#{value}"
    return figures.clip(trace.ops[producer].text or trace.ops[producer].name, 24)


def node_name(playback: Playback, key: NodeKey) -> str:
    """A node with the name of its value, where it has one: ``PowBackward0 (a**3)``."""
    node = playback.trace.passes[key[0]].nodes[key[1]]
    if node.value is None:
        return node.name
    name = value_name(playback, node.value)
    return f"{name}.grad" if "AccumulateGrad" in node.name else f"{node.name} ({name})"
