"""Every tensor of a trace can be named and found again, in this run and in another one."""

from __future__ import annotations

import pytest

from core.engine import Options, WhatIf, record, whole_tensor
from core.places import place_of, tensor_at, tensors
from core.playback import Playback
from core.records import pack_trace, unpack_trace

PROGRAM = """import torch
x = torch.zeros(5000).requires_grad_()
optimizer = torch.optim.SGD([x], lr=1.0)
y = x.exp() * torch.arange(5000.)
y.sum().backward()
optimizer.step()
"""


def test_places_lead_back_to_their_tensors() -> None:
    trace = unpack_trace(pack_trace(record(PROGRAM, options=Options(verify=False))))  # as the window gets it
    found = dict(tensors(trace))
    assert len(found) == len(list(tensors(trace)))
    kinds = {place.split("/")[0] for place in found}
    assert kinds == {"value", "seed", "step", "event", "leaf"}
    for place, tensor in found.items():
        assert place_of(trace, tensor) == place
        assert tensor_at(trace, place) is tensor
    assert tensor_at(trace, "value/999") is None
    # One that was made of several, or copied, has no place.
    assert place_of(trace, unpack_trace(pack_trace(trace)).values[0].tensor) == ""


@pytest.mark.parametrize(("wanted", "element"), [("value", -4999.0), ("grad", 4999.0), ("saved", 1.0)])
def test_the_whole_of_what_is_kept_in_part(wanted: str, element: float) -> None:
    """What an optimizer made of a leaf, a gradient, a tensor saved for backward."""
    trace = record(PROGRAM, options=Options(verify=False))
    playback = Playback.of(trace).end()
    leaf = next(value.id for value in trace.values if "x" in value.names)
    saved = [one.tensor for step in trace.passes[0].steps for one in step.saved if one.name == "result"]
    tensor = {"value": playback.tensor(leaf), "grad": playback.grad(leaf), "saved": saved[0]}[wanted]
    assert tensor is not None
    assert tensor.elided is not None
    whole = whole_tensor(PROGRAM, WhatIf(), Options(), place_of(trace, tensor))
    assert whole.elided is None
    assert whole.head[-1] == element
