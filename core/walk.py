"""A trace told in words: one line for each event, in the order they happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from core.playback import Index
from core.records import Event, TensorSnapshot, Trace

SHOWN: Final = 6
"""Numbers of a tensor that are written out."""


def walk(trace: Trace) -> Iterator[str]:
    """Lines for a terminal."""
    width = len(str(len(trace.events)))
    for number, sentence in enumerate(told(trace, "en"), 1):
        yield f"{number:>{width}}  {sentence}"
    for leaf in trace.leaves:
        yield f"{leaf.name}.grad = {numbers(leaf.grad)}"
    if trace.error is not None:
        yield f"line {trace.error.line}: {trace.error.type}: {trace.error.message}"
    if trace.unrecorded:
        yield f"{len(trace.ops)} of {len(trace.ops) + trace.unrecorded} operations were recorded"
    if trace.agrees is not None:
        yield "the same as an unrecorded run, bit for bit" if trace.agrees else "NOT the same as an unrecorded run"


def numbers(tensor: TensorSnapshot | None) -> str:
    """A tensor in one short line of no language; None, which is not zero, is said as such."""
    if tensor is None:
        return "None"
    if tensor.opaque:
        return f"({tensor.opaque})"
    shown = [f"{x:.6g}" if isinstance(x, float) else str(x) for x in tensor.head[: SHOWN + 1]]
    if not tensor.shape:
        return shown[0]
    shape = f" ({'×'.join(map(str, tensor.shape))})"
    if tensor.numel <= SHOWN:
        return f"[{', '.join(shown)}]{shape if len(tensor.shape) > 1 else ''}"
    return f"[{', '.join(shown[:SHOWN])}, …]{shape}"


SENTENCES: Final = {
    "en": {
        "op": "line {line}: {what} = {made}",
        "pass": "line {line}: {call} begins, seed {seed}",
        "leaf": "{node}: {arrived} arrives; {name} was {before}, is {after}",
        "step": "{node}: {arrived} arrives, {emitted} goes on",
        "leaf overwritten": "{node}: what arrived is overwritten by {arrived}; {name} was {before}, is {after}",
        "step overwritten": "{node}: what arrived is overwritten by {arrived}, {emitted} goes on",
        "end": "{call} ends",
        "failed": "{call} ends with {error}",
        "write": "line {line}: {name} was {before}, is {after}",
        "filled": "line {line}: {name} is filled with {after}",
        "left out": "line {line}: {name} stays {before}, its clearing is left out",
    },
    "zh": {
        "op": "第 {line} 行：{what} = {made}",
        "pass": "第 {line} 行：{call} 开始，种子 {seed}",
        "leaf": "{node}：{arrived} 到达；{name} 原为 {before}，现为 {after}",
        "step": "{node}：{arrived} 到达，传出 {emitted}",
        "leaf overwritten": "{node}：到达的值被改写为 {arrived}；{name} 原为 {before}，现为 {after}",
        "step overwritten": "{node}：到达的值被改写为 {arrived}，传出 {emitted}",
        "end": "{call} 结束",
        "failed": "{call} 因 {error} 结束",
        "write": "第 {line} 行：{name} 原为 {before}，现为 {after}",
        "filled": "第 {line} 行：{name} 填入 {after}",
        "left out": "第 {line} 行：{name} 仍为 {before}，清零被略去",
    },
}
"""What is said of each kind of event."""


def told(trace: Trace, language: str, code: Callable[[str], str] = str) -> Iterator[str]:
    """One sentence for each event, in 'en' or 'zh'.

    Args:
        code: what becomes of all that is of no language: expressions, names and numbers.
    """
    sentences, unfinished = SENTENCES[language], Index(trace).unfinished
    for event in trace.events:
        kind, facts = _facts(trace, event)
        if event.kind == "data" and event.value in unfinished:
            kind = "filled"  # what was there before is memory that nobody meant
        said = {key: code(fact) if isinstance(fact, str) else fact for key, fact in facts.items()}
        yield sentences[kind].format(**said)


def _facts(trace: Trace, event: Event) -> tuple[str, dict[str, str | int]]:
    """Which sentence an event has, and what is filled in."""
    match event.kind:
        case "op" if event.op is not None:
            op = trace.ops[event.op]
            made = ", ".join(numbers(trace.values[value].tensor) for value in op.outputs)
            names = [name for value in op.outputs for name in trace.values[value].names]
            text = f"{op.text}  ({op.name})" if op.text else op.name
            return "op", {"line": op.line, "what": f"{text}{f' → {names[0]}' if names else ''}", "made": made}
        case "pass" if event.pass_ is not None:
            begun = trace.passes[event.pass_]
            return "pass", {"line": begun.line, "call": f"{begun.call}()", "seed": ", ".join(map(numbers, begun.seeds))}
        case "step" if event.pass_ is not None and event.step is not None:
            backward = trace.passes[event.pass_]
            step = backward.steps[event.step]
            arrived = ", ".join(map(numbers, step.grad_outputs))
            node = backward.nodes[step.node]
            overwritten = " overwritten" if step.altered == "reader" else ""
            if node.name == "AccumulateGrad":
                name = (trace.values[node.value].names or ("leaf",))[0] if node.value is not None else "leaf"
                before, after = numbers(step.grad_before), numbers(step.grad_after)
                facts = {"node": node.name, "arrived": arrived, "name": f"{name}.grad"}
                return f"leaf{overwritten}", {**facts, "before": before, "after": after}
            emitted = ", ".join(map(numbers, step.grad_inputs))
            return f"step{overwritten}", {"node": node.name, "arrived": arrived, "emitted": emitted}
        case "end" if event.pass_ is not None:
            ended = trace.passes[event.pass_]
            if ended.error is None:
                return "end", {"call": f"{ended.call}()"}
            return "failed", {"call": f"{ended.call}()", "error": ended.error.type}
        case _:
            names = list(trace.values[event.value].names) if event.value is not None else []
            name = f"{(names or ['leaf'])[0]}{'.grad' if event.kind == 'grad' else ''}"
            before, after = numbers(event.before), numbers(event.after)
            kind = "left out" if event.skipped else "write"
            return kind, {"line": event.line, "name": name, "before": before, "after": after}
