"""What the window and the worker say to each other: typed msgpack frames of bounded size over two pipes.

        the window's process (no torch)                         the worker (torch, the learner's program)
  ┌────────────────────────────────────────┐                 ┌───────────────────────────────────────────────┐
  │ gui/, app.py ──▶ core/client.py        │    Request      │ core/engine/worker.py                         │
  │                   Client ── keeper ────┼────────────────▶│ main thread: reads requests, takes signals    │
  │   poll() ◀── replies ◀─── reader ◀─────┼─────────────────┤ runner thread: one job after another          │
  └────────────────────────────────────────┘     Reply       │ program thread: the learner's code            │
            + one spare worker, warm                         └───────────────────────────────────────────────┘

A frame is four bytes of length, little-endian, and that many bytes of msgpack. Nothing is ever unpickled: whatever a
program manages to write on the wire either decodes as one of the records below or costs it its process.
"""

from __future__ import annotations

import os
import struct
from typing import Final

import msgspec

from core.records import Before, Check, Matrix, Options, Record, TensorSnapshot, Trace, WhatIf
from core.validity import check, check_matrix, check_place, check_tensor

FRAME_LIMIT: Final = 512 << 20
"""Bytes of one frame at most; longer ones are refused by both sides."""

_LENGTH: Final = struct.Struct("<I")


class FrameError(ValueError):
    """What was read is no frame of ours: too long, cut short or not one of the records."""


# ── Requests ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Request(Record, frozen=True, tag=True):
    """Base of what the window asks for."""


class Job(Request, frozen=True):
    """A request that runs the program; jobs are done one after another.

    Attributes:
        id: set by the client; the job's replies carry it.
    """

    source: str
    what_if: WhatIf = WhatIf()
    options: Options = Options()
    id: int = 0


class Run(Job, frozen=True):
    """Record the program: ``Traced``, then ``Verified`` where ``options.verify`` is set.

    Attributes:
        live: wait before nodes of the backward passes, the first one to begin with: ``Paused``, any number of times.
    """

    live: bool = False


class AskPassJacobian(Job, frozen=True, kw_only=True):
    """Jacobians of every root of a pass with respect to itself and to every leaf: ``Answered``."""

    pass_index: int


class AskLocalJacobian(Job, frozen=True, kw_only=True):
    """Jacobians of one node: ``Answered``."""

    pass_index: int
    step_index: int


class AskJacobians(Job, frozen=True, kw_only=True):
    """Jacobians of many nodes in one run of the program: ``Answered`` with ``several``.

    Attributes:
        steps: pass and step of each.
        limit: entries above which a matrix is not computed.
    """

    steps: tuple[tuple[int, int], ...]
    limit: int


class AskTensor(Job, frozen=True, kw_only=True):
    """One tensor with every element: ``Answered``.

    Attributes:
        where: its place in the trace, as in ``core.places``: ``value/3``, ``step/0/4/grad_outputs/1``.
    """

    where: str


class Interrupt(Request, frozen=True):
    """Raise KeyboardInterrupt in the running program."""

    id: int


class Salvage(Request, frozen=True):
    """Send what was recorded so far: ``Salvaged``. For a program that does not listen to an interrupt."""

    id: int


class Resume(Request, frozen=True):
    """Go on from where the live run is paused: ``Paused`` again, or the run's end.

    Attributes:
        before: where to pause next.
        gradients: output of the node → what it is to use in place of the gradient that arrived there, row-major.
    """

    id: int
    before: Before = "next"
    gradients: dict[int, tuple[float, ...]] = msgspec.field(default_factory=dict)


AnyRequest = Run | AskPassJacobian | AskLocalJacobian | AskJacobians | AskTensor | Interrupt | Salvage | Resume

# ── Replies ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Reply(Record, frozen=True, tag=True):
    """Base of what the worker, or the client on its behalf, answers. ``id`` is that of the job."""

    id: int


class Ready(Reply, frozen=True):
    """The worker has started and takes jobs (``id`` is 0).

    Attributes:
        torch: its version.
        bound: what holds in its process, as in ``core.protection.bound``.
    """

    torch: str
    bound: tuple[str, ...] = ()


class Output(Reply, frozen=True):
    """Something the program wrote on its standard output or error, while it runs."""

    text: str


class Progress(Reply, frozen=True):
    """The program is still running.

    Attributes:
        line: line of the program, 0 when unknown.
        seconds: since the job began.
    """

    line: int
    seconds: float


class Paused(Reply, frozen=True):
    """A live run waits inside the real backward pass, before a node at which everything has arrived.

    Attributes:
        pass_index, step_index: the step that the node is going to be.
        node: its id in the pass.
        arrived: the gradient that has arrived at each of its outputs; None is undefined.
        trace: what was recorded up to there; None where a ``Resume`` was refused and nothing has happened since.
        problem: why it was refused, in one line; else ''.
    """

    pass_index: int
    step_index: int
    node: int
    arrived: tuple[TensorSnapshot | None, ...] = ()
    trace: Trace | None = None
    problem: str = ""


class Traced(Reply, frozen=True):
    """The program ended, by itself or with the error that ``trace.error`` tells."""

    trace: Trace


class Verified(Reply, frozen=True):
    """The recording was compared with an unrecorded run: fields of the same names in ``Trace``."""

    agrees: bool | None
    checks: tuple[Check, ...] = ()


class Answered(Reply, frozen=True):
    """Answer of an ``Ask…``: matrices, one tensor, or matrices for each of several steps.

    Attributes:
        several: in the order asked; () for a step that the run did not reach.
    """

    matrices: tuple[Matrix, ...] = ()
    tensor: TensorSnapshot | None = None
    several: tuple[tuple[Matrix, ...], ...] = ()


class Refused(Reply, frozen=True):
    """The job cannot be done as asked: a what-if that fits nothing, a tensor that is not there.

    Attributes:
        message: one line.
    """

    message: str


class Failed(Reply, frozen=True):
    """Pullback itself failed; a bug.

    Attributes:
        message: one line.
        details: the traceback.
    """

    message: str
    details: str = ""


class Salvaged(Reply, frozen=True):
    """What was recorded so far; None where there was nothing. The program may still be running.

    Attributes:
        line: line the program is at, 0 when unknown.
    """

    trace: Trace | None
    line: int = 0


class Finished(Reply, frozen=True):
    """The job is over and the worker takes the next one.

    Attributes:
        reusable: False where the program left something behind (threads, a patched torch) that the next would inherit.
    """

    reusable: bool = True


class Stopped(Reply, frozen=True):
    """The job was ended before its time (made by the client).

    Attributes:
        reason: 'stop' on demand, 'time' by the time limit, 'replaced' by a newer run, 'closed' with the client.
        trace: what was recorded up to there, with ``error`` set; None for a job that is not a run.
        line: line the program was at, 0 when unknown.
    """

    reason: str
    trace: Trace | None = None
    line: int = 0


class Died(Reply, frozen=True):
    """The worker's process ended during the job, or could not start (made by the client).

    Attributes:
        code: exit code; negative is the signal that ended it.
        line: line the program was at, 0 when unknown.
        message: one plain sentence.
        trace: what was recorded up to there, with ``error`` set; None for a job that is not a run.
        restarting: False when this was the third time in a row and no new worker is started by itself.
    """

    code: int
    line: int
    message: str
    trace: Trace | None = None
    restarting: bool = True


AnyReply = (
    Ready
    | Output
    | Progress
    | Paused
    | Traced
    | Verified
    | Answered
    | Refused
    | Failed
    | Salvaged
    | Finished
    | Stopped
    | Died
)

# ── Frames ────────────────────────────────────────────────────────────────────────────────────────────────────────


def as_text(item: object) -> str:
    """A subclass of str, such as torch's version or what a program's ``__str__`` returns, is sent as the text it is."""
    if isinstance(item, str):
        return str.__str__(item)
    raise NotImplementedError(f"{type(item).__name__} on the wire")


_encoder = msgspec.msgpack.Encoder(enc_hook=as_text)
_requests: msgspec.msgpack.Decoder[AnyRequest] = msgspec.msgpack.Decoder(AnyRequest)
_replies: msgspec.msgpack.Decoder[AnyReply] = msgspec.msgpack.Decoder(AnyReply)


def encode(message: Request | Reply) -> bytes:
    """The message as a frame's body; raises FrameError above the limit, UnicodeEncodeError for lone surrogates."""
    try:
        body = _encoder.encode(message)
    except OverflowError as error:
        raise FrameError(f"a number too large: {error}") from None
    if len(body) > FRAME_LIMIT:
        raise FrameError(f"{len(body) >> 20} MB in one piece, the limit is {FRAME_LIMIT >> 20} MB")
    return body


def decode_request(body: bytes) -> AnyRequest:
    """Raises FrameError for anything but a request."""
    try:
        return _requests.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise FrameError(f"not a request: {error}") from None


def decode_reply(body: bytes) -> AnyReply:
    """Raises FrameError for anything but a reply, and for one whose numbers point nowhere."""
    try:
        reply = _replies.decode(body)
        _check(reply)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise FrameError(f"not a reply: {error}") from None
    return reply


def _check(reply: AnyReply) -> None:
    match reply:
        case Traced(trace=trace) | Salvaged(trace=Trace() as trace):
            check(trace)
        case Paused():
            for tensor in reply.arrived:
                check_tensor(tensor)
            if reply.trace is not None:
                check(reply.trace)
                check_place(reply.trace, reply.pass_index, reply.node)
        case Answered():
            check_tensor(reply.tensor)
            for matrix in reply.matrices:
                check_matrix(matrix)


def write_frame(fd: int, body: bytes) -> None:
    """Writes a whole frame; raises BrokenPipeError when the other side is gone."""
    for part in (_LENGTH.pack(len(body)), body):
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(fd, rest) :]


def read_frame(fd: int) -> bytes | None:
    """The next frame's body, None when the other side is gone; raises FrameError for one that is too long."""
    head = _read(fd, _LENGTH.size)
    if head is None:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > FRAME_LIMIT:
        raise FrameError(f"a frame of {length} bytes, the limit is {FRAME_LIMIT}")
    return _read(fd, length)


def _read(fd: int, count: int) -> bytes | None:
    """Exactly that many bytes; None when the stream ends first."""
    parts = bytearray()
    while len(parts) < count:
        part = os.read(fd, min(count - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)
