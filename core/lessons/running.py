"""Programs of lessons run in the worker, one after the other, for whoever checks a lesson."""

from __future__ import annotations

from collections.abc import Callable

from core import wire
from core.client import Client
from core.lessons.checking import Run
from core.records import Options, Trace, WhatIf

TIME_LIMIT = 60.0
"""Seconds a program of a lesson may run."""
PATIENCE = 0.2
"""Seconds between two looks at whether the result is still wanted."""


class Abandoned(Exception):
    """Nobody waits for the result any more."""


def in_worker(client: Client, stopped: Callable[[], bool] = lambda: False) -> Run:
    """Runs programs in the worker; what was run once is known. Raises ValueError where a run came to no end.

    Args:
        stopped: asked now and then whether the result is still wanted.
    """
    known: dict[tuple[str, str], Trace | str] = {}

    def run(source: str, what_if: WhatIf) -> Trace:
        key = (source, repr(what_if))
        if key not in known:
            known[key] = _result(client, client.run(wire.Run(source, what_if, Options(verify=False))), stopped)
        result = known[key]
        if isinstance(result, str):
            raise ValueError(result)
        return result

    return run


def _result(client: Client, id_: int, stopped: Callable[[], bool]) -> Trace | str:
    """The trace of a job, or why there is none."""
    while True:
        if stopped():
            raise Abandoned
        for reply in client.wait(PATIENCE):
            if reply.id != id_:
                continue
            match reply:
                case wire.Traced(trace=trace):
                    return trace
                case wire.Refused(message=message) | wire.Failed(message=message):
                    return message
                case wire.Stopped(trace=Trace(error=error)) | wire.Died(trace=Trace(error=error)) if error is not None:
                    return error.message
                case wire.Stopped(reason=reason):
                    return reason
                case wire.Died(message=message):
                    return message
