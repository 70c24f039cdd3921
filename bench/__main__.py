"""Measures everything, prints a Markdown table; ``--readme`` also writes it into README.md."""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch

from bench import export, layout, peers, picture, start, workload
from bench.memory import peak
from bench.timing import in_turn, ratio
from bench.workload import Workload
from core.engine import BackwardPass, record, record_backward
from core.records import WHOLE_LIMIT, Options

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- bench -->", "<!-- /bench -->"
REPEATS = 15

Way = Callable[[Any], object]


class Row(NamedTuple):
    """One line of the table.

    Attributes:
        what: what was done.
        plain, watched: without and with it, with unit; '' where there is no such thing.
        ratio: of the two.
        target: what we want it to be at most.
    """

    what: str
    plain: str
    watched: str
    ratio: str = ""
    target: str = ""


def milliseconds(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1000:.1f} ms"


def compare(
    what: str, plain: Callable, watched: Callable, prepare: Callable, target: str = "", n: int = REPEATS
) -> Row:
    """Two ways to do the same work, in turn."""
    seconds = in_turn({"plain": plain, "watched": watched}, prepare, n)
    times = f"{ratio(seconds, 'watched', 'plain'):.2f}×"
    return Row(what, milliseconds(seconds["plain"]), milliseconds(seconds["watched"]), times, target)


def backward_rows() -> Iterator[Row]:
    """``record_backward`` beside ``backward``; where there are large gradients, also with the app's limit on them."""
    for name, what, target in (
        ("chain", "a chain of 10,000 tiny operations", "≤ 1.35×"),
        ("mlp", "an MLP of 50 layers of 512", ""),
        ("transformer", "a transformer of 6 layers", "≤ 1.05×"),
        ("convnet", "a residual network of 17 convolutions", ""),
    ):
        made = Workload(name)
        plain, what = torch.Tensor.backward, f"backward of {what}"
        if name == "chain":
            yield compare(what, plain, record_backward, made.loss, target)
            continue
        limited = partial(record_backward, limit=WHOLE_LIMIT)
        yield compare(f"{what}, gradients of up to 4,096 elements", plain, limited, made.loss, target)
        yield compare(f"{what}, all gradients whole", plain, record_backward, made.loss)


def stepping_rows() -> Iterator[Row]:
    """``BackwardPass``, one node at a time."""

    def step_through(loss: torch.Tensor) -> None:
        for _ in BackwardPass(loss):
            pass

    for name, what in ("chain", "the chain"), ("transformer", "the transformer"):
        made = Workload(name)
        nodes = len(record_backward(made.loss()).steps)
        seconds = in_turn({"plain": torch.Tensor.backward, "steps": step_through}, made.loss, 5)
        extra = statistics.median(a - b for a, b in zip(seconds["steps"], seconds["plain"], strict=True))
        each = f"{extra / nodes * 1e6:.0f} µs"
        yield Row(f"one step through the backward of {what}, beyond the node's own time", "", each)


def program_rows() -> Iterator[Row]:
    """``record``: a whole program, forward and backward, with every value."""

    def watched(name: str) -> object:
        return record(workload.source(name), options=Options(verify=False))

    for name, what, target in (
        ("quadratic", "the lesson program Q = 3a³ − b², traced", "≤ 30 ms"),
        ("control_flow", "the lesson program with a loop and a branch, traced", "≤ 30 ms"),
        ("transformer", "a program that makes the transformer and runs it forward and backward, traced", ""),
    ):
        yield compare(what, workload.run, watched, lambda name=name: name, target)


def memory_rows() -> Iterator[Row]:
    """Peak memory above what the process held before the program."""
    plain = peak("transformer", "plain")
    for way, what, target in (
        ("program recorded", "peak memory of the transformer program", "≤ 1.2×"),
        (
            "backward within limit",
            "peak memory of the same, only its backward recorded, with that limit",
            "",
        ),
        ("backward recorded", "peak memory of the same, only its backward recorded, all gradients whole", ""),
    ):
        recorded = peak("transformer", way)
        yield Row(what, f"{plain:.0f} MB", f"{recorded:.0f} MB", f"{recorded / plain:.2f}×", target)


def peer_rows() -> Iterator[Row]:
    """The peers on the same transformer."""
    if peers.installed("torchlens"):
        what = f"the same with {peers.label('torchlens')}, every value and gradient"
        yield compare(what, workload.run, lambda name: peers.torchlens_trace(Workload(name)), lambda: "transformer")
    else:
        yield Row("the same with torchlens", "", "not installed")
    if peers.installed("torchviz"):
        seconds = in_turn({"dot": peers.torchviz_dot}, Workload("transformer").loss, 5)
        what = f"the graph of the transformer's backward, names only, with {peers.label('torchviz')}"
        yield Row(what, "", milliseconds(seconds["dot"]))
    else:
        yield Row("the graph of the transformer's backward with torchviz", "", "not installed")


def layout_rows() -> Iterator[Row]:
    """Our layout beside Graphviz dot."""
    for found in layout.measure():
        what, (ours, theirs) = found.what, found.crossings
        if found.dot is None:
            dot = "dot not installed"
        elif found.dot == float("inf"):
            dot = f"dot: > {layout.PATIENCE:.0f} s"
        else:
            dot = f"dot: {found.dot * 1000:.1f} ms"
        if ours is not None:
            what += f"; {ours} crossings" + ("" if theirs is None else f", dot {theirs}")
        yield Row(what, dot, f"{found.ours * 1000:.1f} ms", "", found.target)


def picture_rows() -> Iterator[Row]:
    """The window, by the clock: half of the work is the screen's."""
    for what, seconds, target in picture.measure():
        yield Row(what, "", f"{seconds * 1000:.1f} ms", "", target)


def export_rows() -> Iterator[Row]:
    """Animations: time and memory."""
    for what, seconds, megabytes, target in export.measure():
        yield Row(what, "", f"{seconds:.1f} s, {megabytes:.0f} MB", "", target)


def start_rows() -> Iterator[Row]:
    """The executable's start, by the clock, where it was built."""
    for what, seconds, target in start.measure():
        yield Row(what, "", f"{seconds * 1000:.0f} ms", "", target)


def machine() -> str:
    """What the numbers were measured on."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = (line for line in cpuinfo.read_text().splitlines() if line.startswith("model name"))
        processor = next(models, processor).rpartition(":")[2].strip()
    versions = f"torch {torch.__version__}, Python {platform.python_version()}"
    return f"One thread of {processor}, {platform.system()}, {versions}."


def table(rows: list[Row]) -> str:
    """Markdown."""
    head = [Row("", "plain", "watched", "ratio", "target"), Row("---", "--:", "--:", "--:", "--:")]
    lines = "\n".join("| " + " | ".join(row) + " |" for row in head + rows)
    how = f"Processor time, medians of {REPEATS} rounds in which both ways take turns; the ratio is the rounds' median."
    how += f" The window's rows by the clock, medians of {picture.FRAMES}, at {picture.SCREEN};"
    how += f" those of the executable's start, medians of {start.STARTS}."
    return f"{lines}\n\n{machine()} {how}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--readme", action="store_true", help="write the table into README.md")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[Row] = []
    for part in (
        backward_rows, stepping_rows, program_rows, peer_rows, memory_rows, layout_rows, picture_rows, export_rows,
        start_rows,
    ):  # fmt: skip
        for row in part():
            print(*row, sep="  ", file=sys.stderr, flush=True)
            rows.append(row)
    result = table(rows)
    print(result)
    if arguments.readme:
        before, rest = README.read_text(encoding="utf-8").split(BEGIN)
        README.write_text(f"{before}{BEGIN}\n{result}\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
