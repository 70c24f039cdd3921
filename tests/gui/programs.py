"""Programs that are really run, with operations that do nothing but tell where they are written: no torch is needed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from types import FrameType

from core.records import Event, Op, Pass, Span, Trace, Value
from tests.gui import traces

COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")


def recorded(source: str, limit: int = 5000, calls: bool = True) -> Trace:
    """The trace of a program: ``o(…)`` is an operation, ``b()`` a backward call, and ``z()`` clears ``.grad``.

    An operation uses the values of its arguments that are results of others, and the leaf ``w``; ``module`` says where
    it runs. Without ``calls``, it does not tell from where its functions were called, as older traces do not.
    """
    one = traces.tensor(1, 2)
    values = [Value(0, ("w",), (2,), "float32", True, True, one)]
    ops: list[Op] = []
    passes: list[Pass] = []
    events: list[Event] = []
    hits: dict[object, int] = {}

    def characters(line: int, column: int) -> int:
        return len(source.split("\n")[line - 1].encode()[:column].decode())

    def place(frame: FrameType | None = None) -> tuple[Span, str]:
        frame = frame or sys._getframe(2)
        positions = frame.f_code.co_positions()
        line, last, column, end = (part or 0 for part in next(islice(positions, frame.f_lasti // 2, None)))
        return (line, characters(line, column), last, characters(last, end)), frame.f_code.co_qualname

    def called(frame: FrameType) -> tuple[Span, ...]:
        found: list[Span] = []
        while frame.f_code.co_name != "<module>" and frame.f_back is not None:
            inner, frame = frame, frame.f_back
            if inner.f_code.co_name not in COMPREHENSIONS:
                found.insert(0, place(frame)[0])
        return tuple(found) if calls else ()

    def operation(*arguments: object, module: str | None = None) -> int:
        if len(ops) == limit:
            raise StopAsyncIteration
        span, function = place()
        inputs = tuple(value for value in arguments if isinstance(value, int)) or (0,)
        key = (span, module)
        hits[key] = hits.get(key, -1) + 1
        made = len(values)
        ops.append(
            Op(
                len(ops), "o", span[0], span, f"o{made}", inputs, (made,), module, hits[key], f"#{made}", function,
                tracked=True, calls=called(sys._getframe(1)),
            )
        )  # fmt: skip
        values.append(Value(made, (), (2,), "float32", True, False, one))
        events.append(Event("op", op=ops[-1].id, line=span[0]))
        return made

    def backward() -> None:
        span, _ = place()
        passes.append(Pass("backward", span[0], (one,), span=span))
        events.append(Event("pass", pass_=len(passes) - 1, line=span[0]))

    def zero() -> None:
        events.append(Event("grad", value=0, how="none", line=place()[0][0]))

    given: dict[str, Callable[..., object]] = {"o": operation, "b": backward, "z": zero}
    with suppress(StopAsyncIteration):
        exec(compile(source, "<program>", "exec"), {**given, "__name__": "program"})
    return Trace("2.13.0", source, "", tuple(values), tuple(ops), tuple(passes), (), tuple(events))
