"""What-ifs: from the places a person or the window names to the rules that a run applies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from core.engine.source import Alteration, Source, detaches, expressions
from core.records import WhatIf

_PLACE = re.compile(r"\s*(\d+)\s*:(.*?)(?:@(\d+))?\s*", re.DOTALL)


class WhatIfError(ValueError):
    """A what-if that cannot be applied to this program; the message is one line."""


class Refused(BaseException):
    """Carries a WhatIfError out of a running program, past its ``except Exception``."""


class Place(NamedTuple):
    """``LINE:EXPR@HIT`` taken apart; hit is None for every hit."""

    line: int
    text: str
    hit: int | None


def parse_place(place: str) -> Place:
    """Reads ``LINE:EXPR`` or ``LINE:EXPR@HIT``; raises WhatIfError."""
    match = _PLACE.fullmatch(place)
    if not match or not match[2].strip():
        raise WhatIfError(f"{place!r} is not a place: expected LINE:EXPR, or LINE:EXPR@HIT in a loop")
    return Place(int(match[1]), match[2].strip(), None if match[3] is None else int(match[3]))


def is_site(place: str) -> bool:
    """Whether a place is the stable site of an operation (``Op.site``)."""
    return place.startswith("#")


class Rule:
    """One what-if of a run, and how often it was applied.

    Attributes:
        label: how to call it in a message.
        hit, use_hit: which execution of the place, and of the use, it concerns; None for all.
        heals, for_uses: whether it undoes a detach; whether it cuts one use only.
        whole: whether the place makes the value, so that all uses of the value are cut.
        reached, uses: executions of the place and of the use so far.
        applied, used: how often it took effect.
        refusal: why it cannot be applied to this program, once that has turned out.
    """

    def __init__(self, label: str, hit: int | None = None, *, heals: bool = False, for_uses: bool = False) -> None:
        self.label = label
        self.hit = hit
        self.heals = heals
        self.for_uses = for_uses
        self.use_hit: int | None = None
        self.whole = True
        self.uses = 0
        self.used = 0
        self.reached = 0
        self.applied = 0
        self.refusal: WhatIfError | None = None

    def refuse(self, message: str) -> Refused:
        """An exception that ends the run; kept as well, for programs that catch everything."""
        self.refusal = WhatIfError(f"{self.label}: {message}")
        return Refused(self.refusal)

    def due(self) -> bool:
        """Counts an execution of the place; whether the rule applies to it."""
        self.reached += 1
        return self.hit is None or self.hit == self.reached - 1


class SiteCut(NamedTuple):
    """A cut that names operations: the use's site and slot, or the value's site."""

    rule: Rule
    value: str
    slot: int | None


class Plan:
    """The what-ifs of one run, ready to be applied.

    Attributes:
        alterations: what the source carries.
        rules: by the numbers that the source passes.
        cuts_by_value, cuts_by_use: cuts of operations, by site.
        heals: heals of ``.detach()`` operations, by site.
        seeds, leaves, requires_grad: as asked.
        skips: sites or lines of writes to ``.grad`` that are left out.
    """

    def __init__(self, what_if: WhatIf, source: Source) -> None:
        self.what_if = what_if
        self.rules: list[Rule] = []
        self.cuts_by_value: dict[str, Rule] = {}
        self.cuts_by_use: dict[str, list[SiteCut]] = {}
        self.heals: dict[str, Rule] = {}
        self.seeds = {call: Rule(f"--seed {call}") for call in what_if.seeds}
        self.leaves = {name: Rule(f"--set {name}") for name in what_if.leaves}
        self.requires_grad = {name: Rule(f"requires_grad of {name}") for name in what_if.requires_grad}
        self.skips = {place: Rule(f"zero_grad at {place}") for place in what_if.skip_zero_grad}
        alterations: list[Alteration] = []
        for cut in what_if.cuts:
            label = f"--cut {cut.value}->{cut.use}" if cut.use else f"--cut {cut.value}"
            if cut.use and is_site(cut.use):
                rule = self._rule(label)
                self.cuts_by_use.setdefault(cut.use, []).append(SiteCut(rule, cut.value, cut.slot))
            elif cut.use:
                value = parse_place(cut.value)
                use = parse_place(cut.use)
                spans, name = self._find(source, value)
                rule = self._rule(label, value.hit, for_uses=True)
                rule.use_hit = use.hit
                alterations.append(Alteration(len(self.rules) - 1, spans, name, self._find(source, use)[0]))
            elif is_site(cut.value):
                self.cuts_by_value[cut.value] = self._rule(label)
            else:
                value = parse_place(cut.value)
                spans, name = self._find(source, value)
                self._rule(label, value.hit).whole = bool(name) or not value.text.isidentifier()
                alterations.append(Alteration(len(self.rules) - 1, spans, name))
        for heal in what_if.heals:
            label = f"--heal {heal}"
            if is_site(heal):
                self.heals[heal] = self._rule(label, heals=True)
                continue
            place = parse_place(heal)
            spans, _ = self._find(source, place)
            if not detaches(source.text, spans):
                raise WhatIfError(f"{label}: there is no .detach() in it to heal")
            self._rule(label, place.hit, heals=True)
            alterations.append(Alteration(len(self.rules) - 1, spans, heal=True))
        self.alterations = tuple(alterations)

    def _rule(self, label: str, hit: int | None = None, *, heals: bool = False, for_uses: bool = False) -> Rule:
        self.rules.append(Rule(label, hit, heals=heals, for_uses=for_uses))
        return self.rules[-1]

    def _find(self, source: Source, place: Place) -> tuple[frozenset[tuple[int, int, int, int]], str]:
        spans, name = expressions(source.text, place.line, place.text)
        if not spans:
            raise WhatIfError(f"line {place.line} has no expression {place.text!r}")
        return spans, name

    @property
    def every_rule(self) -> tuple[Rule, ...]:
        """The rules, whatever they are about."""
        named = (self.seeds, self.leaves, self.requires_grad, self.skips)
        return (*self.rules, *(rule for rules in named for rule in rules.values()))

    def check_refused(self) -> None:
        """Raises the WhatIfError of a what-if that turned out not to fit."""
        for rule in self.every_rule:
            if rule.refusal is not None:
                raise rule.refusal

    def check_applied(self, calls: int) -> None:
        """Raises WhatIfError for a what-if that the finished run had no occasion for."""
        for call in self.seeds:
            if call >= calls:
                plural = "call" if calls == 1 else "calls"
                raise WhatIfError(f"--seed {call}: the program makes {calls} backward {plural}, counted from 0")
        for rule in self.every_rule:
            if rule.applied and (rule.used or not rule.for_uses):
                continue
            if rule.applied:
                raise WhatIfError(f"{rule.label}: the value is not used there")
            if rule.hit is not None and rule.reached:
                raise WhatIfError(f"{rule.label}: the place is reached {rule.reached} times, counted from 0")
            raise WhatIfError(f"{rule.label}: nothing in this run to apply it to")


def seeds_for(rule: Rule, numbers: Sequence[float], roots: Sequence[Any]) -> list[Tensor]:
    """Row-major numbers → one gradient per root, in the root's shape, dtype and device; refuses a wrong count."""
    if not all(isinstance(root, Tensor) for root in roots):
        raise rule.refuse("only for roots that are tensors")
    shapes = ", ".join(str(list(root.shape)) for root in roots)
    wanted = sum(root.numel() for root in roots)
    if wanted != len(numbers):
        raise rule.refuse(f"expected shape {shapes}, which is {counted(wanted)}, not {len(numbers)}")
    seeds: list[Tensor] = []
    for root in roots:
        seeds.append(torch.tensor(numbers[: root.numel()], dtype=root.dtype, device=root.device).reshape(root.shape))
        numbers = numbers[root.numel() :]
    return seeds


def counted(numbers: int) -> str:
    """So many numbers, in words."""
    return "1 number" if numbers == 1 else f"{numbers} numbers"


def set_leaf(rule: Rule, leaf: Tensor, numbers: Sequence[float]) -> None:
    """Overwrites the values of a leaf, row-major, without a trace in its graph or version; refuses a wrong count."""
    if leaf.numel() != len(numbers):
        shape = list(leaf.shape)
        raise rule.refuse(f"expected shape {shape}, which is {counted(leaf.numel())}, not {len(numbers)}")
    with torch.no_grad():
        values = torch.tensor(numbers, dtype=torch.float64).reshape(leaf.shape)
        leaf.data.copy_(values)
