"""The program on paper: its lines, their colours, what is marked, and where long lines are broken."""

from __future__ import annotations

import msgspec
import pytest

from core.playback import Playback
from core.records import Trace
from gui.export.blocks import Block
from gui.export.listing import LINE, code_block
from gui.fonts import text_width
from gui.picture.shapes import Box, Label, label_rect
from tests.gui import traces


def of(source: str) -> Trace:
    return msgspec.structs.replace(traces.first(), source=source)


def rows(block: Block) -> list[list[Label]]:
    """The labels of each row, from left to right."""
    found: dict[int, list[Label]] = {}
    for label in block.scene.labels:
        found.setdefault(int(label.y // LINE), []).append(label)
    return [sorted(row, key=lambda label: label_rect(label)[0]) for _, row in sorted(found.items())]


def code(block: Block) -> list[str]:
    """The rows without their numbers and blanks."""
    return ["".join(label.text for label in row if label.size == 12).replace(" ", "") for row in rows(block)]


def boxes(block: Block, fill: str) -> list[Box]:
    return [shape for shape in block.scene.shapes if isinstance(shape, Box) and shape.fill == fill]


def test_every_line_has_its_number() -> None:
    block = code_block(traces.first(), None, 600)
    lines = traces.FIRST.rstrip().split("\n")
    assert [row[0].text for row in rows(block)] == [str(number + 1) for number in range(len(lines))]
    for row, line in zip(code(block), lines, strict=True):
        assert row == line.replace(" ", "")
    assert block.breaks == tuple(LINE * number for number in range(1, len(lines)))
    some = code_block(traces.first(), None, 600, 3, 5)
    assert [row[0].text for row in rows(some)] == ["3", "4", "5"]


def test_letters_stand_in_columns_and_have_the_colours_of_the_editor() -> None:
    block = code_block(of("import torch\nx = 12   # twelve\n\tif x:  'a  b'\n"), None, 600)
    colours = {label.text: label.colour for label in block.scene.labels}
    assert colours["import"] == colours["if"] == "code_keyword"
    assert (colours["12"], colours["# twelve"], colours["'a"]) == ("code_number", "code_comment", "code_string")
    place = {label.text: label.x for label in block.scene.labels}
    blank = text_width(" ", 12)
    assert place["# twelve"] - place["12"] == pytest.approx(5 * blank)
    assert place["if"] - place["import"] == pytest.approx(4 * blank)
    assert not any("  " in label.text for label in block.scene.labels)  # an SVG would make one blank of them


LONG = "Q = torch.nn.functional.linear(first_argument, second_argument, torch.tensor([1., 2., 3.]))  # and a remark\n"


@pytest.mark.parametrize("width", [120.0, 220.0, 330.0])
def test_long_lines_are_wrapped_with_an_indent(width: float) -> None:
    source = f"def f():\n    {LONG}{'a' * 90}\n"
    block = code_block(of(source), None, width)
    assert "".join(code(block)) == source.replace(" ", "").replace("\n", "")
    assert all(label_rect(label)[2] <= width + 0.1 for label in block.scene.labels)
    left = [row[0].x for row in rows(block) if row[0].size == 12]
    assert min(left) + 0.1 > next(label.x for label in block.scene.labels if label.text.startswith("Q"))
    assert len(block.breaks) == 2  # between lines, not between the rows of one


def test_a_line_is_broken_within_few_brackets() -> None:
    block = code_block(of("Q.backward(gradient=torch.tensor([1., 1.]))\n"), None, 300)
    assert code(block) == ["Q.backward(gradient=torch.tensor(", "[1.,1.]))"]


def test_what_runs_is_marked() -> None:
    trace = traces.first()
    start = Playback.of(trace)
    playback = next(at for n in range(len(trace.events)) if (at := start.at(n)).node and at.line == 7)
    block = code_block(trace, playback, 400)
    (line,) = boxes(block, "running_line")
    assert (line.y, line.height, line.width) == (6 * LINE, LINE, 400)
    (span,) = boxes(block, "running_span")
    assert span.y // LINE == 4
    assert playback.span is not None
    first, last = (label_rect(row[place]) for row in rows(block)[4:5] for place in (1, -1))
    assert first[0] < span.x < span.x + span.width <= last[2] + 0.1
    assert [label.colour for label in block.scene.labels if label.text == "▸"] == ["grad"]
    assert not boxes(code_block(trace, None, 400), "running_line")


def test_what_failed_is_marked_at_the_end() -> None:
    trace = traces.failed()
    assert trace.error is not None
    start = Playback.of(trace)
    assert not boxes(code_block(trace, start, 400), "wrong_soft")
    for playback in (None, start.end()):
        block = code_block(trace, playback, 400)
        (ground,) = boxes(block, "wrong_soft")
        assert ground.y == (trace.error.line - 1) * LINE
        (below,) = boxes(block, "wrong")
        assert ground.y < below.y < ground.y + LINE
        assert "✗" in [label.text for label in block.scene.labels]
