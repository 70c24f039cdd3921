"""``.pullback`` files: what is saved is opened, in this version and the first; what is damaged is said to be."""

from __future__ import annotations

import contextlib
import hashlib
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import tracefile
from core.engine import record
from core.files import read_trace, write_trace
from core.records import TRACE_FORMAT, Options, Trace, pack_trace
from core.tracefile import LIMIT, MAGIC, VERSION, about, pack, unpack

PLAIN = Path(__file__).parent / "data" / "plain.pullback"
"""A file of version 1: assets/examples/first.py with the seed 2, 0.5."""

SOURCE = """import torch
a = torch.tensor([2., float("nan")], requires_grad=True)
b = torch.arange(5000., requires_grad=True)
(a.sum() * b).sum().backward()
print(a.grad)
"""


@pytest.fixture(scope="module")
def trace() -> Trace:
    return record(SOURCE, options=Options(verify=False, path="梯度.py"))


@pytest.fixture(scope="module")
def blob(trace: Trace) -> bytes:
    return pack(trace)


def resealed(rest: bytes) -> bytes:
    """A file that says what it likes under a checksum that is right."""
    return MAGIC + struct.pack("<Q", len(rest)) + hashlib.sha256(rest).digest() + rest


def parts(blob: bytes) -> tuple[dict[str, object], bytes]:
    """Head and body, taken apart as the first lines of the module say."""
    length, digest, rest = struct.unpack_from("<Q", blob, 12)[0], blob[20:52], blob[52:]
    assert (length, digest) == (len(rest), hashlib.sha256(rest).digest())
    version, head = struct.unpack_from("<HI", rest)
    assert version == VERSION
    return msgspec.json.decode(rest[6 : 6 + head]), rest[6 + head :]


def joined(head: dict[str, object], body: bytes, version: int = VERSION) -> bytes:
    encoded = msgspec.json.encode(head)
    return resealed(struct.pack("<HI", version, len(encoded)) + encoded + body)


def why(blob: bytes) -> str:
    """What is said of a file that cannot be opened."""
    with pytest.raises(ValueError, match=r"\A.+\Z") as caught:
        unpack(blob)
    return str(caught.value)


def test_what_is_saved_is_opened_without_torch(trace: Trace, tmp_path: Path) -> None:
    file = tmp_path / "run.pullback"
    write_trace(file, trace)
    assert pack_trace(read_trace(file)) == pack_trace(trace)  # NaN equals itself in bytes only
    opened = (
        "import sys; from core.files import read_trace; print(read_trace(sys.argv[1]).torch, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", opened, file], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [trace.torch, "False"]


def test_the_same_trace_is_the_same_file_and_a_small_one(trace: Trace, blob: bytes) -> None:
    assert pack(trace) == blob
    assert len(blob) < len(pack_trace(trace)) / 2


def test_the_file_is_built_as_it_says(trace: Trace, blob: bytes) -> None:
    head, body = parts(blob)
    plain = zlib.decompress(body)
    assert plain == pack_trace(trace)
    assert head == {
        "format": TRACE_FORMAT, "torch": trace.torch, "path": "梯度.py",
        "operations": len(trace.ops), "passes": 1, "error": "", "size": len(plain),
    }  # fmt: skip
    assert msgspec.to_builtins(about(blob)) == head


def test_a_file_of_the_first_version_is_opened() -> None:
    trace = read_trace(PLAIN)
    assert trace.stdout == "tensor([72.0000, 40.5000]) tensor([-24.,  -4.])\n"
    assert [leaf.grad and leaf.grad.data for leaf in trace.leaves] == [[72.0, 40.5], [-24.0, -4.0]]
    assert about(PLAIN.read_bytes()).torch == trace.torch
    assert unpack(pack(trace)) == trace


def test_what_is_wrong_is_named(blob: bytes) -> None:
    head, body = parts(blob)
    length = len(blob)
    wrong = {
        b"": "it is empty",
        b"import torch\n": "it is no Pullback trace",
        b"\x89PNG\r\n\x1a\n": "it is no Pullback trace",
        MAGIC[:5]: "it is damaged: it ends too early",
        blob[:40]: "it is damaged: it ends too early",
        blob[:-1]: f"it is damaged: it ends too early, after {length - 1:,} of {length:,} bytes",
        blob + b"\n": "it is damaged: something follows its end",
        blob.replace(b"\r\n", b"\n"): "it is damaged: its line ends were changed, as if it were text",
        blob[:-9] + bytes([blob[-9] ^ 1]) + blob[-8:]: "it is damaged: its checksum does not match",
        joined(head, body, 3): "it was made by a newer Pullback (format 3); this one reads up to 2",
        resealed(b"\x03\x00?"): "it was made by a newer Pullback (format 3); this one reads up to 2",
        resealed(b""): "it is damaged: its head cannot be read",
        resealed(b"\x02\x00\xff\xff\xff\xff{"): "it is damaged: its head cannot be read",
        joined(head | {"format": "trace/9"}, b"?"): "it holds a trace of format 'trace/9'; "
        f"this Pullback reads {TRACE_FORMAT!r}",
        joined(head, b"????"): "it is damaged: its contents cannot be read",
        joined(head, zlib.compress(b"\x90")): "it is damaged: its contents are not as long as its head says",
        joined(head | {"size": 1}, zlib.compress(b"\x90")): "it is damaged: Expected `object`, got `array`",
    }  # fmt: skip
    assert {data[:80]: why(data) for data in wrong} == {data[:80]: said for data, said in wrong.items()}
    assert why(PLAIN.read_bytes()[:1000]).startswith("it is damaged: ")


def test_a_bomb_does_not_go_off(blob: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    head, _ = parts(blob)
    bomb = zlib.compress(bytes(64 << 20))
    assert why(joined(head | {"size": LIMIT + 1}, bomb)) == f"it holds {LIMIT + 1:,} bytes; at most {LIMIT:,} are read"
    asked: list[int] = []

    class Inflater:
        def __init__(self) -> None:
            self.real = zlib_decompressobj()
            self.eof, self.unused_data = False, b""

        def decompress(self, data: bytes, most: int) -> bytes:
            asked.append(most)
            found: bytes = self.real.decompress(data, most)
            return found

    zlib_decompressobj = zlib.decompressobj
    monkeypatch.setattr(tracefile.zlib, "decompressobj", Inflater)
    assert why(joined(head | {"size": 1000}, bomb)).endswith("not as long as its head says")
    assert why(joined(head | {"size": -5}, bomb)).endswith("not as long as its head says")
    assert asked == [1001, 1]


def test_a_trace_too_large_to_be_opened_is_not_saved(
    trace: Trace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracefile, "LIMIT", 1000)
    with pytest.raises(ValueError, match="the trace is larger than"):
        write_trace(tmp_path / "run.pullback", trace)
    assert list(tmp_path.iterdir()) == []


def test_what_no_encoding_carries_is_saved_as_escapes() -> None:
    trace = record("import torch\nraise ValueError('\\ud800')\n", options=Options(verify=False))
    opened = unpack(pack(trace))
    assert opened.error is not None
    assert opened.error.message == "\\ud800"


@settings(deadline=None)
@given(st.data())
def test_no_damage_is_opened(blob: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(blob) - 1))
    change = data.draw(st.binary(min_size=1, max_size=4))
    until = at + data.draw(st.integers(0, 4))
    damaged = blob[:at] + change + blob[until:]
    if damaged != blob:
        assert re.match("it (is|ends|was)", why(damaged))


@settings(deadline=None)
@given(st.data())
def test_damage_under_a_right_checksum_raises_nothing_else(blob: bytes, data: st.DataObject) -> None:
    head, body = parts(blob)
    plain = bytearray(data.draw(st.sampled_from([zlib.decompress(body), PLAIN.read_bytes()])))
    at = data.draw(st.integers(0, len(plain) - 1))
    plain[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    for file in (joined(head | {"size": len(plain)}, zlib.compress(plain)), bytes(plain)):
        with contextlib.suppress(ValueError):  # and nothing else
            unpack(file)


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", MAGIC, MAGIC[:9], b"\xde\x00\x03\xa5torch"]))
def test_what_is_no_file_of_ours_raises_one_line(rest: bytes, start: bytes) -> None:
    assert why(start + rest)
