"""A whole run as Markdown: the program, the what-if, every event in words, the output, the gradients, the error."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PureWindowsPath
from typing import Final

from core.edits import applied, edits
from core.lines import lines_of
from core.records import Cut, Event, Failure, Trace
from core.walk import SHOWN, numbers, told

WORDS: Final = {
    "en": {
        "untitled": "Untitled program",
        "torch": "Recorded with torch {torch}.",
        "program": "Program",
        "what if": "What if",
        "cut": "{place} is detached.",
        "cut use": "{place} is detached for one use: {use}.",
        "heal": "{place} lets gradients through.",
        "seed": "The seed of backward {number} is {value}.",
        "leaf": "{name} is {value}.",
        "on": "{name} requires grad.",
        "off": "{name} does not require grad.",
        "skip": "{place} does not clear `.grad`.",
        "place": "{text} in line {line}",
        "place again": "{text} in line {line}, time {hit},",
        "as code": "The same, written into the program:",
        "events": "Step by step",
        "forward": "Forward",
        "backward": "Backward {number}",
        "backward again": "Backward {number}, continued",
        "none": "Nothing was recorded.",
        "unrecorded": "{n} more operations ran after the limit and were not recorded.",
        "output": "Output",
        "gradients": "Final gradients",
        "row": "| Leaf | Shape | `.grad` |",
        "no leaves": "No leaf requires grad.",
        "error": "Error",
        "error line": "Line {line}: {type}",
        "agreement": "Check",
        "same": "The gradients are identical to torch's own `backward()`, bit for bit.",
        "different": "The gradients differ from torch's own `backward()`.",
        "unknown": "The gradients were not compared with torch's own `backward()`.",
        "overwritten": "A gradient was overwritten during the run.",
    },
    "zh": {
        "untitled": "未命名的程序",
        "torch": "用 torch {torch} 记录。",
        "program": "程序",
        "what if": "假设",
        "cut": "{place} 已分离。",
        "cut use": "{place} 只在一处使用中分离：{use}。",
        "heal": "{place} 让梯度通过。",
        "seed": "反向 {number} 的种子是 {value}。",
        "leaf": "{name} 取值 {value}。",
        "on": "{name} 需要梯度（requires_grad）。",
        "off": "{name} 不需要梯度（requires_grad）。",
        "skip": "{place} 不清零 `.grad`。",
        "place": "第 {line} 行的 {text}",
        "place again": "第 {line} 行的 {text}（第 {hit} 次）",
        "as code": "写进程序就是：",
        "events": "逐步说明",
        "forward": "前向",
        "backward": "反向 {number}",
        "backward again": "反向 {number}（续）",
        "none": "没有记录到任何步骤。",
        "unrecorded": "达到上限之后又运行了 {n} 个运算，未记录。",
        "output": "输出",
        "gradients": "最终梯度",
        "row": "| 叶子 | 形状 | `.grad` |",
        "no leaves": "没有需要梯度的叶子。",
        "error": "错误",
        "error line": "第 {line} 行：{type}",
        "agreement": "核对",
        "same": "梯度与 torch 自己的 `backward()` 逐位一致。",
        "different": "梯度与 torch 自己的 `backward()` 不一致。",
        "unknown": "梯度未与 torch 自己的 `backward()` 比较。",
        "overwritten": "运行中有梯度被改写。",
    },
}
"""What is said beside the events, in Markdown; ``core.walk.SENTENCES`` tells those."""

_FAILURES: Final = Path(__file__).resolve().parent.parent / "assets" / "i18n"
_PLACE: Final = re.compile(r"\s*(\d+)\s*:(.*?)(?:@(\d+))?\s*", re.DOTALL)
_SPECIAL: Final = re.compile(r"[\\`*_\[\]<>&|~$#]")
_LIST: Final = re.compile(r"^(\d*)([-+=.)])")
"""How a line begins that is taken for a list or a rule."""

Say = Callable[..., str]
"""Puts facts into the sentence of a key."""


def transcript(trace: Trace, language: str) -> str:
    """A run in 'en' or 'zh', as CommonMark with a table.

    Whatever the program wrote, and every number, stands in code spans and fences or is escaped: none of it is Markdown.
    """
    words = WORDS[language]

    def say(key: str, **facts: object) -> str:
        return words[key].format(**facts)

    blocks = [
        f"# {escaped(PureWindowsPath(trace.path).name) or say('untitled')}",  # which parts paths of every system
        say("torch", torch=code(trace.torch)),
        f"## {say('program')}",
        fenced(trace.source, "python"),
        *_what_if(trace, say),
        *_events(trace, language, say),
        *_output(trace, say),
        *_gradients(trace, say),
        *_error(trace.error, language, say),
        *_agreement(trace, say),
    ]
    return "\n\n".join(blocks) + "\n"


# ── Markdown ──────────────────────────────────────────────────────────────────────────────────────────────────────


def fenced(text: str, kind: str) -> str:
    """A text in a fence that nothing in it ends."""
    fence = "`" * max(3, _longest(text) + 1)
    return f"{fence}{kind}\n{text}{'' if text.endswith(chr(10)) or not text else chr(10)}{fence}"


def code(text: str) -> str:
    """A text as a code span in one line; '' for none, which has no code span."""
    text = " ".join(line.strip() for line in text.splitlines())
    if not text:
        return ""
    ticks = "`" * (_longest(text) + 1)
    gap = " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{ticks}{gap}{text}{gap}{ticks}"


def escaped(text: str) -> str:
    """A text in one line of which nothing is Markdown, wherever it stands."""
    return _LIST.sub(r"\1\\\2", _SPECIAL.sub(r"\\\g<0>", " ".join(text.split())))


def _longest(text: str) -> int:
    """Backticks in a row, at most."""
    return max(map(len, re.findall("`+", text)), default=0)


# ── Parts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _what_if(trace: Trace, say: Say) -> list[str]:
    what_if = trace.what_if
    if not what_if:
        return []
    said = [_cut(trace, cut, say) for cut in what_if.cuts]
    said += [say("heal", place=_place(trace, place, say)) for place in what_if.heals]
    said += [say("seed", number=call + 1, value=_values(seed)) for call, seed in sorted(what_if.seeds.items())]
    said += [say("leaf", name=code(name), value=_values(values)) for name, values in sorted(what_if.leaves.items())]
    said += [say("on" if on else "off", name=code(name)) for name, on in sorted(what_if.requires_grad.items())]
    said += [say("skip", place=_place(trace, place, say)) for place in what_if.skip_zero_grad]
    blocks = [f"## {say('what if')}", "\n".join(f"- {sentence}" for sentence in said)]
    found = edits(trace)
    if found is not None:
        before, after = (text.split("\n") for text in (trace.source, applied(trace.source, found)))
        changes = list(difflib.unified_diff(before, after, lineterm="", n=0))[2:]  # after the names of the files
        blocks += [say("as code"), fenced("\n".join(changes), "diff")]
    return blocks


def _cut(trace: Trace, cut: Cut, say: Say) -> str:
    place = _place(trace, cut.value, say)
    if not cut.use:
        return say("cut", place=place)
    use = next((op for op in trace.ops if op.site == cut.use), None)
    if not place and use is not None and cut.slot is not None and cut.slot < len(use.inputs):
        place = code(next(iter(trace.values[use.inputs[cut.slot]].names), "?"))  # a leaf, which no operation made
    return say("cut use", place=place, use=_place(trace, cut.use, say))


def _place(trace: Trace, place: str, say: Say) -> str:
    """A place of a what-if, which a person wrote or the window, as the program has it; '' for none."""
    if not place:
        return ""
    op = next((op for op in trace.ops if op.site == place), None)
    if op is not None:
        repeated = sum(other.span == op.span and other.name == op.name for other in trace.ops) > 1
        return _said_place(op.text or op.name, op.line, op.hit if repeated else None, say)
    event = next((event for event in trace.events if event.site == place), None)
    if event is not None and event.line:
        return _said_place(lines_of(trace.source)[event.line - 1].strip(), event.line, None, say)
    written = _PLACE.fullmatch(place)
    if written is None:
        return code(place)
    return _said_place(written[2].strip(), int(written[1]), int(written[3]) if written[3] else None, say)


def _said_place(text: str, line: int, hit: int | None, say: Say) -> str:
    if hit is None:
        return say("place", text=code(text), line=line)
    return say("place again", text=code(text), line=line, hit=hit + 1)


def _values(values: Sequence[float]) -> str:
    shown = [f"{value:.6g}" for value in values[:SHOWN]] + ["…"] * (len(values) > SHOWN)
    return code(f"[{', '.join(shown)}]")


def _events(trace: Trace, language: str, say: Say) -> Iterator[str]:
    """The sentences, numbered through, under a heading wherever another part of the run begins."""
    yield f"## {say('events')}"
    lines: list[str] = []
    at: int | None = -1
    seen: set[int] = set()
    for number, (part, sentence) in enumerate(zip(_parts(trace.events), told(trace, language, code), strict=True), 1):
        if part != at:
            if lines:
                yield "\n".join(lines)
            yield f"### {_heading(part, seen, say)}"
            lines, at = [], part
            seen |= set() if part is None else {part}
        lines.append(f"{number}. {sentence}")
    yield "\n".join(lines) or say("none")
    if trace.unrecorded:
        yield say("unrecorded", n=trace.unrecorded)


def _parts(events: Sequence[Event]) -> Iterator[int | None]:
    """Which backward call each event belongs to; None outside of all."""
    running: list[int] = []
    for event in events:
        if event.kind == "pass" and event.pass_ is not None:
            running.append(event.pass_)
        yield event.pass_ if event.pass_ is not None else running[-1] if running else None
        if event.kind == "end" and event.pass_ in running:
            running.remove(event.pass_)


def _heading(part: int | None, seen: set[int], say: Say) -> str:
    if part is None:
        return say("forward")
    return say("backward again" if part in seen else "backward", number=part + 1)


def _output(trace: Trace, say: Say) -> list[str]:
    return [f"## {say('output')}", fenced(trace.stdout, "text")] if trace.stdout else []


def _gradients(trace: Trace, say: Say) -> list[str]:
    heading = f"## {say('gradients')}"
    if not trace.leaves:
        return [heading, say("no leaves")]
    rows = [say("row"), "| --- | --- | --- |"]
    for leaf in trace.leaves:
        shape = "×".join(map(str, leaf.grad.shape)) if leaf.grad is not None else ""
        cells = (code(cell).replace("|", "\\|") for cell in (leaf.name, shape, numbers(leaf.grad)))
        rows.append(f"| {' | '.join(cells)} |")
    return [heading, "\n".join(rows)]


def _error(failure: Failure | None, language: str, say: Say) -> list[str]:
    if failure is None:
        return []
    name = code(failure.type)
    blocks = [f"## {say('error')}", say("error line", line=failure.line, type=name) if failure.line else name]
    blocks += [fenced(failure.message, "text")] if failure.message else []
    explained = _explained(failure, language)
    return [*blocks, escaped(explained)] if explained else blocks


def _explained(failure: Failure, language: str) -> str:
    """The failure in plain words; the engine says them in English, other languages have a table by kind."""
    table = _FAILURES / f"failures.{language}.json"
    sentences: dict[str, str] = json.loads(table.read_text(encoding="utf-8")) if table.exists() else {}
    try:
        return sentences[failure.kind].format(**failure.facts)
    except (KeyError, IndexError):
        return failure.explanation


def _agreement(trace: Trace, say: Say) -> list[str]:
    said = {True: "same", False: "different", None: "unknown"}[trace.agrees]
    return [f"## {say('agreement')}", say("overwritten" if trace.overwritten else said)]
