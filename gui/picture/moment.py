"""Where the cursor stands, in words; for the toolbar and below an exported picture."""

from __future__ import annotations

from core.playback import Playback
from gui.i18n import Words


def where_text(playback: Playback, words: Words) -> tuple[str, str]:
    """The moment, and the colour it is written in."""
    event, trace = playback.event, playback.trace
    if playback.inside is not None and playback.upcoming is not None:
        node = trace.passes[playback.upcoming[0]].nodes[playback.upcoming[1]].name.rpartition("::")[2]
        return words("where.part", node=node, n=playback.part, all=len(playback.parts)), "grad"
    if event is None:
        return words("where.start"), "quiet"
    if event.kind == "op" and event.op is not None:
        return words("where.forward", n=event.op + 1, all=len(trace.ops)), "quiet"
    if event.pass_ is None:
        return words(f"where.{event.kind}"), "quiet"
    number, backward = event.pass_ + 1, trace.passes[event.pass_]
    if event.kind == "step" and event.step is not None:
        # The record of a pass may end before the pass.
        ended = any(later.kind == "end" and later.pass_ == event.pass_ for later in trace.events[playback.cursor :])
        count = len(backward.steps if ended else backward.nodes)
        return words("where.step", number=number, n=event.step + 1, all=count), "grad"
    if event.kind == "end" and backward.error is not None:
        return words("where.failed", number=number), "wrong"
    return words("where.seed" if event.kind == "pass" else "where.end", number=number), "grad"
