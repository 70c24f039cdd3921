"""What a program is held to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Attributes:
    memory: MB of data it may hold; 0 for no limit.
    seconds: how long it may run; 0 for no limit.
    output: MB of what it prints that are kept.
    confined: whether it is kept from writing files and from the network, where the system can do that.
    """

    memory: int = 4096
    seconds: float = 0.0
    output: int = 1
    confined: bool = True
