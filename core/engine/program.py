"""Runs a learner's program: in a thread with a deep stack, as ``__main__``, with its output caught."""

from __future__ import annotations

import builtins
import codecs
import ctypes
import io
import linecache
import os
import sys
import threading
import time
import types
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import CodeType
from typing import Any, NamedTuple, Protocol

from core.engine.source import NO_SPAN, Source
from core.engine.threads import DEEP_STACK, join_thread, start_thread
from core.engine.what_if import Refused
from core.records import LEFT_OUT, OUTPUT_LIMIT, Failure, Span

UNCOMPILED = "TORCHDYNAMO_DISABLE"
"""Set in the environment, it makes ``torch.compile`` run functions as they are written: the compiler would refuse to
look into the recorder, and hide each operation if it did not."""


class Progress(Protocol):
    """Is told what the program prints, as it prints it."""

    def __call__(self, text: str, /) -> None: ...


class Output(io.RawIOBase):
    """What is below the program's ``sys.stdout``: keeps what it prints, up to a limit, and passes the beginning on."""

    def __init__(self, listener: Progress | None = None, limit: int = OUTPUT_LIMIT) -> None:
        self._limit = limit
        self._head: list[str] = []
        self._room = limit // 2
        self._tail: deque[str] = deque()
        self._tail_length = 0
        self._dropped = 0
        self._listener = listener
        self._lock = threading.Lock()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def writable(self) -> bool:
        return True

    def write(self, printed: Any) -> int:
        with self._lock:
            text = self._decoder.decode(printed)
            head, tail = text[: self._room], text[self._room :]
            if head:
                self._head.append(head)
                self._room -= len(head)
            if tail:
                self._keep_tail(tail[-(self._limit // 2) :], len(tail))
        if head and self._listener is not None:
            self._listener(head)
        return len(printed)

    def _keep_tail(self, text: str, length: int) -> None:
        self._tail.append(text)
        self._tail_length += len(text)
        self._dropped += length - len(text)
        while self._tail_length - len(self._tail[0]) >= self._limit // 2:
            first = self._tail.popleft()
            self._tail_length -= len(first)
            self._dropped += len(first)

    @property
    def text(self) -> str:
        """Everything kept, with a notice where output was dropped."""
        with self._lock:
            return "".join(self._head) + self._rest

    @property
    def _rest(self) -> str:
        """What was not passed on: the notice, and what was printed last."""
        notice = LEFT_OUT.format(count=self._dropped, limit=self._limit >> 20) if self._dropped else ""
        return notice + "".join(self._tail)

    def finish(self) -> None:
        """Passes on what was kept back; the program has ended."""
        if self._listener is not None and self._tail:
            self._listener(self._rest)


class Outcome(NamedTuple):
    """How a program ended.

    Attributes:
        raised: what it raised, None at a normal end (``sys.exit()`` is one).
        failure: the record of that, made while the program's names still stood.
        seconds: how long it took.
    """

    raised: BaseException | None
    failure: Failure | None
    seconds: float


_running: list[int] = []


def interrupt() -> None:
    """Raises KeyboardInterrupt in the running program; it arrives between two Python instructions."""
    for thread in _running[-1:]:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(KeyboardInterrupt))


def run_code(
    source: Source,
    code: Callable[[], CodeType],
    output: Output,
    names: dict[str, Any] | None = None,
    around: Callable[[types.ModuleType], AbstractContextManager[Any]] = nullcontext,
) -> Outcome:
    """Compiles and runs a program in a thread of its own.

    ``names`` are built in for it, outside its own namespace; ``around`` makes a context for its ``__main__`` module to
    run in, on its thread. One program runs at a time, because there is one ``__main__`` and one ``sys.stdout``.
    """
    outcome = Outcome(None, None, 0.0)

    def target() -> None:
        nonlocal outcome
        _running.append(threading.get_ident())
        try:
            with _as_main(source, names or {}, output) as module:
                began = time.perf_counter()
                raised = _execute(code, module, around)
                failure = None if raised is None else failure_of(raised, source)
                outcome = Outcome(raised, failure, time.perf_counter() - began)
        finally:
            _running.remove(threading.get_ident())

    thread = start_thread(target, "program", stack=DEEP_STACK)
    while thread.is_alive():
        thread.join(0.1)  # in slices, so that the main thread goes on handling signals
    join_thread(thread)
    return outcome


def _execute(
    code: Callable[[], CodeType],
    module: types.ModuleType,
    around: Callable[[types.ModuleType], AbstractContextManager[Any]],
) -> BaseException | None:
    try:
        compiled = code()
        with around(module):
            exec(compiled, module.__dict__)
    except SystemExit:
        return None
    except BaseException as error:
        return error
    return None


@contextmanager
def _as_main(source: Source, names: dict[str, Any], output: Output) -> Iterator[types.ModuleType]:
    """The surroundings that ``python FILE`` gives a program; yields its ``__main__`` module."""
    module = types.ModuleType("__main__")
    module.__dict__["__builtins__"] = builtins
    vars(builtins).update(names)
    saved = sys.modules["__main__"], sys.argv, sys.stdout, sys.__stdout__, list(sys.path)
    compiler = os.environ.get(UNCOMPILED)
    os.environ[UNCOMPILED] = "1"
    linecache.cache[source.filename] = (len(source.text), None, source.lines, source.filename)
    sys.modules["__main__"] = module
    sys.argv = [source.filename]
    # Both, because a program that has redirected its output goes back to the second.
    text: Any = io.TextIOWrapper(output, encoding="utf-8", newline="", write_through=True)
    sys.stdout = sys.__stdout__ = text  # type: ignore[misc]
    if source.path:
        module.__file__ = os.path.abspath(source.path)
        sys.path.insert(0, os.path.dirname(os.path.abspath(source.path)))
    try:
        yield module
    finally:
        sys.modules["__main__"], sys.argv, sys.stdout, sys.__stdout__, sys.path[:] = saved  # type: ignore[misc]
        if compiler is None:
            os.environ.pop(UNCOMPILED, None)
        else:
            os.environ[UNCOMPILED] = compiler
        module.__dict__.clear()
        for name in names:
            del vars(builtins)[name]


def failure_of(error: BaseException, source: Source) -> Failure:
    """What a program raised, with the innermost line of it that was involved."""
    if isinstance(error, Refused):
        error = error.args[0]
    if isinstance(error, SyntaxError):
        line = error.lineno if error.filename == source.filename else source.line_of(error.__traceback__)
        return Failure(type(error).__name__, str(error.msg), line or 0, span=_misread(error, source))
    try:
        message = str(error)
    except Exception as trouble:  # a __str__ of the program's own
        message = f"(its text cannot be shown: {type(trouble).__name__})"
    line, span = source.line_of(error.__traceback__), source.span_of(error.__traceback__)
    return Failure(type(error).__name__, message, line, span=span if span[0] == line else NO_SPAN)


def _misread(error: SyntaxError, source: Source) -> Span:
    """What the compiler stumbled over; all zeros is the whole line, of which blanks are what is wrong."""
    if error.filename != source.filename:
        return NO_SPAN
    lines = source.text.split("\n")
    line, offset = error.lineno or 0, error.offset or 0
    if isinstance(error, IndentationError) or not (0 < line <= len(lines) and offset):
        return NO_SPAN
    before = lines[line - 1][:offset].rstrip(" \t")  # a blank, or what is missing at the end, is shown at what is there
    begin = max(0, len(before) - 1)
    end_line, end = error.end_lineno or line, (error.end_offset or 0) - 1
    if not line <= end_line <= len(lines) or (end_line, end) <= (line, begin):
        end_line, end = line, begin + 1
    return line, begin, end_line, end
