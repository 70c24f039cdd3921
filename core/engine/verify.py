"""The recorded run against an unrecorded one: digests of every leaf's ``.grad``, after each pass and at the end."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import Node

from core.engine.graph import is_accumulator, leaf_of, reachable, release, roots_of
from core.engine.program import Output, run_code
from core.engine.snapshot import snapshot
from core.engine.source import Source


def digest(tensor: Tensor | None) -> bytes:
    """A fingerprint of a tensor's shape, dtype and bits; b'' for None."""
    if tensor is None:
        return b""
    with torch._C.DisableTorchFunction(), torch.no_grad():
        taken = snapshot(tensor, full=True)
    assert taken is not None
    header = f"{taken.shape} {taken.dtype} {taken.layout} {taken.opaque}".encode()
    return hashlib.blake2b(taken.raw, digest_size=16, key=hashlib.blake2b(header).digest()).digest()


class Digests:
    """Fingerprints of the gradients that one run left behind.

    Attributes:
        passes: per engine call, in order of beginning, those of the leaves below its roots; None where it is left out.
        names: of the leaves that the program's namespace holds at the end.
    """

    def __init__(self) -> None:
        self.passes: list[tuple[bytes, ...] | None] = []
        self.names: dict[str, bytes] = {}
        self.wanted: list[str] = []

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Digests):
            return NotImplemented
        return self.passes == other.passes and self.names == other.names

    def __hash__(self) -> int:
        return hash((tuple(self.passes), tuple(self.names.items())))

    @contextmanager
    def engine_call(self, roots: Any, room: int) -> Iterator[None]:
        """Around one call of torch's engine: fingerprints the leaves below its roots, whether or not it succeeds."""
        number = len(self.passes)
        self.passes.append(None)
        nodes: dict[Node, int] = {} if room <= 0 else reachable((root.node for root in roots_of(roots)), room)
        leaves = [leaf_of(node) for node in nodes if is_accumulator(node)]
        whole = len(nodes) < room
        release(nodes)
        try:
            yield
        finally:
            if whole:
                self.passes[number] = tuple(digest(leaf.grad) for leaf in leaves)

    def finish(self, module: ModuleType, names: Sequence[str]) -> None:
        """At the end of the program: fingerprints the named leaves."""
        self.wanted = list(names)
        self.names = {name: digest(leaf.grad) for name in names if (leaf := find(module, name)) is not None}


def find(module: ModuleType, name: str) -> Tensor | None:
    """The leaf that a program calls ``a``, ``xs[0]`` or ``net.body.0.weight``, where it can be found by name alone."""
    first, _, path = name.partition(".")
    first, _, index = first.partition("[")
    held = module.__dict__.get(first)
    if index and isinstance(held, list | tuple) and index.rstrip("]").isdigit():
        held = held[int(index.rstrip("]"))] if int(index.rstrip("]")) < len(held) else None
    if path and isinstance(held, nn.Module):
        held = dict(held.named_parameters()).get(path)
    elif path:
        held = None
    return held if isinstance(held, Tensor) and held.is_leaf else None


def plain_digests(source: Source, recorded: Digests) -> Digests:
    """Runs the program as it is, with no recorder, and takes the same fingerprints."""
    plain = Digests()
    graph = torch.autograd.graph
    engine = graph._engine_run_backward

    def watched(roots: Any, *args: Any, **kwargs: Any) -> Any:
        number = len(plain.passes)
        wanted = number < len(recorded.passes) and recorded.passes[number] is not None
        with plain.engine_call(roots, 1 << 60 if wanted else 0):
            return engine(roots, *args, **kwargs)

    @contextmanager
    def around(module: ModuleType) -> Iterator[None]:
        for owner in (torch.autograd, graph):
            setattr(owner, "_engine_run_backward", watched)  # noqa: B010 (mypy knows the real one's signature)
        try:
            yield
        finally:
            for owner in (torch.autograd, graph):
                setattr(owner, "_engine_run_backward", engine)  # noqa: B010
            plain.finish(module, recorded.wanted)

    raised = run_code(source, source.plain, Output(), around=around).raised
    if isinstance(raised, KeyboardInterrupt):
        raise raised
    return plain
