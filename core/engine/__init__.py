"""Runs torch: the only package that imports it."""

from core.engine.backward import BackwardPass, Pass, Step, record_backward
from core.engine.graph import Saved
from core.engine.live import Live, Moment
from core.engine.program import interrupt
from core.engine.run import (
    local_jacobian,
    local_jacobians,
    pass_jacobian,
    program_line,
    record,
    salvage,
    verify_trace,
    warm_up,
    whole_tensor,
)
from core.engine.what_if import WhatIfError
from core.records import Options, Trace, WhatIf

__all__ = [
    "BackwardPass",
    "Live",
    "Moment",
    "Options",
    "Pass",
    "Saved",
    "Step",
    "Trace",
    "WhatIf",
    "WhatIfError",
    "interrupt",
    "local_jacobian",
    "local_jacobians",
    "pass_jacobian",
    "program_line",
    "record",
    "record_backward",
    "salvage",
    "verify_trace",
    "warm_up",
    "whole_tensor",
]
