"""Which Jacobians the pages of a run need, and how they are asked for, without a window."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from core.client import Client
from core.engine import Options, WhatIf, local_jacobian, pass_jacobian, record
from core.layout import Cancelled
from core.playback import Playback
from core.records import Trace
from gui.export.knowledge import Knowledge, gather, questions
from gui.i18n import words
from gui.inspector.report import describe
from gui.picture.cards import build
from gui.questions import Answer, LocalJacobian, PassJacobian
from tests.gui import traces

SOURCE = """import torch
a = torch.tensor([2., 3.], requires_grad=True)
Q = (a ** 2).sum()
Q.backward(retain_graph=True)
Q.backward()
"""


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Client(spare=False) as client:
        yield client


@pytest.fixture(scope="module")
def trace() -> Trace:
    return record(SOURCE)


def test_what_has_to_be_asked(trace: Trace) -> None:
    everything = questions(trace, range(len(trace.events) + 1))
    assert set(everything) == {
        *(LocalJacobian(number, step) for number in (0, 1) for step in (0, 1)), PassJacobian(0), PassJacobian(1)
    }  # fmt: skip
    assert len(set(everything)) == len(everything)
    assert questions(trace, [0, 1]) == ()
    graph = build(trace, Playback.of(trace).index)
    card = next(card.id for card in graph.cards if card.op == 1)
    assert questions(trace, [0, len(trace.events)], card) == (LocalJacobian(1, 1),)


def test_all_is_gathered_and_is_what_single_questions_say(client: Client, trace: Trace) -> None:
    told: list[float] = []
    knowledge = gather(client, trace, range(len(trace.events) + 1), progress=told.append)
    facts = SOURCE, WhatIf(), Options()
    for question, answer in knowledge.answers.items():
        if isinstance(question, LocalJacobian):
            assert answer == Answer(local_jacobian(*facts, question.pass_, question.step))
        else:
            assert isinstance(question, PassJacobian)
            assert answer == Answer(pass_jacobian(*facts, question.pass_))
    assert told == pytest.approx([1 / 3, 2 / 3, 1])
    start = Playback.of(trace)
    for cursor in range(len(trace.events) + 1):
        report = describe(start.at(cursor), build(trace, start.index), None, words("en"), None, knowledge)
        assert report.question is None
        assert words("en")("jacobian.absent") not in report.text


def test_a_run_that_cannot_be_run_again_says_so() -> None:
    first = traces.first()
    steps = tuple(replace(step, altered="reader") for step in first.passes[0].steps)
    touched = replace(first, passes=(replace(first.passes[0], steps=steps),))
    assert touched.overwritten
    assert gather(None, touched, [5]) == Knowledge(obstacle="overwritten")  # type: ignore[arg-type]


def test_a_refusal_is_said_where_the_answer_would_stand(client: Client) -> None:
    trace = record("import torch\nx = torch.ones(2, requires_grad=True)\n(x * 2).sum().backward()\n")
    other = replace(trace, source="pass\n")
    cursors = range(len(trace.events) + 1)
    knowledge = gather(client, other, cursors)
    assert not [question for question in knowledge.answers if isinstance(question, LocalJacobian)]
    assert "no pass 0" in knowledge.answers[PassJacobian(0)].missing


def test_gathering_can_be_cancelled(client: Client) -> None:
    trace = record("import torch\nx = torch.ones(2, requires_grad=True)\n(x * 2).sum().backward()\n")
    endless = replace(trace, source="while True:\n    pass\n")
    looks = iter([False, False, True])
    with pytest.raises(Cancelled):
        gather(client, endless, range(len(trace.events) + 1), cancelled=lambda: next(looks))
    end = time.monotonic() + 30
    while client.state != "idle":  # the endless program has been ended
        assert time.monotonic() < end
        client.wait(0.1)
