"""``.pullback`` files: a trace compressed and under a checksum, behind a head that says what it is.

      0  12 bytes   ``MAGIC``
     12   8 bytes   how many bytes follow the checksum
     20  32 bytes   SHA-256 of them
     52   2 bytes   version of what follows
     54   4 bytes   length of the head
     58             the head: ``Head`` as JSON
                    the body: the trace as msgpack (``records.pack_trace``), compressed by zlib

Numbers are little-endian. The first 54 bytes mean the same in every version, so that a file of a newer Pullback is told
from a damaged one. Version 1 was the msgpack alone; it is still read. A trace is text, numbers and bytes of arrays:
nothing of it is unpickled or run.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from typing import Final

import msgspec

from core.records import TRACE_FORMAT, Record, Trace, pack_trace, unpack_trace
from core.validity import check

MAGIC: Final = b"PULLBACK\r\n\x1a\n"
"""How a file begins; whatever exchanges line ends on the way spoils it, and so shows."""

VERSION: Final = 2
"""Of the files that are written, and the newest that is read."""

LIMIT: Final = 512 << 20
"""Bytes of a trace before it is compressed, at most; the worker hands over none that is larger."""

_LEVEL: Final = 1
"""Of zlib; the others take up to twice as long for a file that is 2 % smaller, since numbers seldom repeat."""

_ENVELOPE: Final = struct.Struct(f"<{len(MAGIC)}sQ32s")
_VERSION: Final = struct.Struct("<H")
_LENGTH: Final = struct.Struct("<I")
_PLAIN: Final = re.compile(rb"(?:[\x80-\x8f]|\xde..)\xa5torch", re.DOTALL)
"""How a file of version 1 begins: a map whose first key is Trace's first field."""


class Head(Record, frozen=True, omit_defaults=False):
    """What is known of a trace without decoding it.

    Attributes:
        format: of the trace, ``TRACE_FORMAT``.
        torch: the version it was recorded with.
        path: where the program came from.
        operations, passes: how many were recorded.
        error: type of the exception that ended the program, '' for none.
        size: bytes of the trace before it was compressed.
    """

    format: str
    torch: str
    path: str
    operations: int
    passes: int
    error: str
    size: int


def pack(trace: Trace) -> bytes:
    """The bytes of a ``.pullback`` file, the same ones for the same trace; raises ValueError above ``LIMIT``."""
    plain = pack_trace(trace)
    if len(plain) > LIMIT:
        raise ValueError(f"the trace is larger than {LIMIT >> 20} MB, the most that is read again")
    head = msgspec.json.encode(_head(trace, len(plain)))
    rest = _VERSION.pack(VERSION) + _LENGTH.pack(len(head)) + head + zlib.compress(plain, _LEVEL)
    return _ENVELOPE.pack(MAGIC, len(rest), hashlib.sha256(rest).digest()) + rest


def unpack(blob: bytes) -> Trace:
    """The trace of a ``.pullback`` file of this version or an older one; raises ValueError with one line."""
    if _PLAIN.match(blob):
        return _decoded(blob)
    head, body = _opened(blob)
    return _decoded(_inflated(body, head.size))


def about(blob: bytes) -> Head:
    """The head of a ``.pullback`` file, its checksum compared; raises ValueError with one line."""
    if _PLAIN.match(blob):
        return _head(_decoded(blob), len(blob))
    return _opened(blob)[0]


def _head(trace: Trace, size: int) -> Head:
    error = trace.error.type if trace.error is not None else ""
    return Head(trace.format, trace.torch, trace.path, len(trace.ops), len(trace.passes), error, size)


def _opened(blob: bytes) -> tuple[Head, bytes]:
    """The head and the compressed body of a file whose checksum is right."""
    if not blob:
        raise ValueError("it is empty")
    if not blob.startswith(MAGIC):
        if MAGIC.startswith(blob):
            raise ValueError("it is damaged: it ends too early")
        if blob.startswith(MAGIC[:8]):
            raise ValueError("it is damaged: its line ends were changed, as if it were text")
        raise ValueError("it is no Pullback trace")
    if len(blob) < _ENVELOPE.size:
        raise ValueError("it is damaged: it ends too early")
    _, length, digest = _ENVELOPE.unpack_from(blob)
    rest = blob[_ENVELOPE.size :]
    if len(rest) < length:
        raise ValueError(f"it is damaged: it ends too early, after {len(blob):,} of {_ENVELOPE.size + length:,} bytes")
    if len(rest) > length:
        raise ValueError("it is damaged: something follows its end")
    if hashlib.sha256(rest).digest() != digest:
        raise ValueError("it is damaged: its checksum does not match")
    return _parts(rest)


def _parts(rest: bytes) -> tuple[Head, bytes]:
    """What the checksum covers, taken apart."""
    try:
        (version,) = _VERSION.unpack_from(rest)
        if version > VERSION:
            raise ValueError(f"it was made by a newer Pullback (format {version}); this one reads up to {VERSION}")
        (length,) = _LENGTH.unpack_from(rest, _VERSION.size)
        begin = _VERSION.size + _LENGTH.size
        head = msgspec.json.decode(rest[begin : begin + length], type=Head)
    except (struct.error, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError("it is damaged: its head cannot be read") from None
    if head.format != TRACE_FORMAT:
        raise ValueError(f"it holds a trace of format {head.format[:40]!r}; this Pullback reads {TRACE_FORMAT!r}")
    return head, rest[begin + length :]


def _inflated(body: bytes, size: int) -> bytes:
    """The body as it was before it was compressed; never more bytes than the head says, nor than ``LIMIT``."""
    if size > LIMIT:
        raise ValueError(f"it holds {size:,} bytes; at most {LIMIT:,} are read")
    inflater = zlib.decompressobj()
    try:
        plain = inflater.decompress(body, max(size, 0) + 1)
    except zlib.error:
        raise ValueError("it is damaged: its contents cannot be read") from None
    if len(plain) != size or not inflater.eof or inflater.unused_data:
        raise ValueError("it is damaged: its contents are not as long as its head says")
    return plain


def _decoded(plain: bytes) -> Trace:
    """The one place where bytes become a trace."""
    try:
        trace = unpack_trace(plain)
    except MemoryError:
        raise ValueError("there is not enough memory to open it") from None
    try:
        check(trace)
    except ValueError as error:
        raise ValueError(f"it is damaged: {error}") from None
    return trace
