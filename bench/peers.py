"""The peers' own ways to look at a backward pass, where they are installed."""

from __future__ import annotations

import importlib.util
import warnings
from importlib.metadata import version
from typing import Any

from torch import Tensor

from bench.workload import Workload


def installed(name: str) -> bool:
    """Whether the peer can be imported."""
    return importlib.util.find_spec(name) is not None


def label(name: str) -> str:
    """Name and version."""
    return f"{name} {version(name)}"


def torchlens_trace(workload: Workload) -> Any:
    """TorchLens: one forward pass with every value, one backward pass with every gradient."""
    import torchlens

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trace = torchlens.trace(
            workload.model, workload.x, capture=torchlens.options.CaptureOptions(save_grads="all", backward_ready=True)
        )
        trace.log_backward(trace[trace.output_layers[0]].out.square().mean())
    return trace


def torchviz_dot(loss: Tensor) -> Any:
    """torchviz: the backward graph as Graphviz text; nothing is drawn."""
    import torchviz

    return torchviz.make_dot(loss)
