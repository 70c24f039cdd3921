"""What is said of the current step or of the chosen card, in the order it happens: lines of text, no widget."""

from __future__ import annotations

from core.edits import applied, edits
from core.formulas import Formula, official_formula, own_formula
from core.playback import NodeKey, Playback, add
from core.records import Event, Pass, SavedTensor, Step, TensorSnapshot, Trace
from core.why import why
from gui import figures
from gui.failure import failure_lines
from gui.i18n import Words
from gui.inspector.comparison import compare
from gui.inspector.derivatives import local_jacobian, whole_jacobian
from gui.inspector.lines import WIDTH, Part, Report, node_name, opens, say, value_name
from gui.picture import results
from gui.picture.cards import Card, Graph
from gui.questions import Known

LEAVES = 60
"""Leaves whose gradients are told."""
REASONS = 6
"""Leaves of which it is said why their gradient is None or zero."""


def describe(
    playback: Playback | None,
    graph: Graph | None,
    selected: int | None,
    words: Words,
    written: Trace | None = None,
    known: Known | None = None,
    turn: str = "",
    *,
    held: bool = False,
    leaves: int = LEAVES,
) -> Report:
    """The report on the current event, or on the card the reader has chosen.

    Args:
        written: the run without what-ifs, to compare with; None where there is nothing to compare.
        known: the Jacobians; without them, nothing is said of them.
        turn: of the loops around what is told, in words.
        held: a lesson's question is open, which the Jacobian of the whole pass would answer.
        leaves: so many are told of at most, and the one that the step is about.
    """
    report = Report(held=held)
    if playback is None or graph is None:
        report.line((words("inspect.nothing"), "heading"))
        report.line((words("inspect.nothing2"), "quiet"))
        return report
    event = playback.event
    if selected is not None:
        _card(report, playback, graph.cards[selected], words, known)
    elif playback.inside is not None and playback.upcoming is not None:
        # What the node will have done: nothing of it is shown beyond the part.
        _node(report, playback.forward(), playback.upcoming, words, known, playback)
    elif event is None:
        report.line((words("inspect.nothing"), "heading"))
        report.line((words("inspect.nothing2"), "quiet"))
    elif playback.node is not None:
        _node(report, playback, playback.node, words, known)
    elif event.op is not None:
        _operation(report, playback, event.op, words)
    elif event.kind in ("pass", "end"):
        _pass(report, playback, event, words, known)
    else:
        _write(report, playback, event, words)
    if turn:
        report.lines[0].append((f"  ·  {turn}", "quiet"))
    shown = graph.cards[selected] if selected is not None else None
    _leaves(report, playback, words, frozenset(shown.values if shown is not None else ()), leaves)
    if written is not None:
        _compared(report, written, playback.trace, words)
    ended = event.pass_ if event is not None and event.kind == "end" and playback.inside is None else None
    if selected is None and ended is not None:
        whole_jacobian(report, playback, ended, words, known)  # below what the pass and a what-if came to
    return report


def _card(report: Report, playback: Playback, card: Card, words: Words, known: Known | None) -> None:
    key = results.node(playback, card)
    if key is not None:
        _node(report, playback, key, words, known)
        if any(node == key[1] for node, _ in playback.trace.passes[key[0]].roots):
            whole_jacobian(report, playback, key[0], words, known)
    elif card.op is not None:
        _operation(report, playback, card.op, words)
    else:
        report.line((card.title, "title"))
        for value in card.values[-1:]:
            report.section(words("inspect.value"))
            report.line(opens(playback.tensor(value), "value"))


def _operation(report: Report, playback: Playback, op_id: int, words: Words) -> None:
    trace = playback.trace
    op = trace.ops[op_id]
    names = [name for value in op.outputs for name in trace.values[value].names]
    report.line((names[0] if names else op.name, "title"), *_line(op.line, words))
    report.line((figures.clip(op.text or op.name, WIDTH), "code"))
    report.section(words("inspect.value"))
    for value in op.outputs:
        report.line(opens(playback.tensor(value), "value"))
        record = trace.values[value]
        report.line((f"{record.dtype}  {list(record.shape)}", "quiet"))
    if op.inputs:
        report.section(words("inspect.inputs"))
        for value in op.inputs:
            report.line((f"{value_name(playback, value)}  ", "code"), opens(trace.values[value].tensor, "value"))
    leaf = any(trace.values[value].is_leaf and trace.values[value].requires_grad for value in op.outputs)
    state = "leaf" if leaf else "tracked" if op.tracked else "untracked"
    report.line((words(f"inspect.{state}"), "leaf" if leaf else "quiet"))
    if op.cut_inputs or op.cut:
        report.line((words("inspect.cut"), "cut"))


def _node(
    report: Report, playback: Playback, key: NodeKey, words: Words, known: Known | None,
    within: Playback | None = None,
) -> None:  # fmt: skip
    """A node as it stands; ``within`` one that is told part by part, up to that part."""
    part = within.inside if within is not None else None
    trace = playback.trace
    backward = trace.passes[key[0]]
    node = backward.nodes[key[1]]
    op_id = playback.operation_of(key)
    report.line((node.name, "title"), *_line(trace.ops[op_id].line if op_id is not None else 0, words))
    if op_id is not None:
        report.line((figures.clip(_node_expression(playback, key, op_id), WIDTH), "code"))
    if within is not None:
        report.line((words("inspect.part", n=within.part, all=len(within.parts)), "quiet"))
    step = playback.emitted(key)
    _arrivals(report, playback, key, words, part.path if part is not None and part.path else None)
    if part is not None and part.kind == "arrives":
        return
    local_jacobian(report, playback, key, words, known)
    if part is not None and part.kind == "jacobian":
        return
    own = own_formula(node.name)
    if step is None:
        report.stage(words("inspect.vjp"))
        _forward(report, node.name, own, words)
        for entry in own.inputs if own is not None else ():
            report.formulas(entry.lines)
        report.line((words("inspect.notrun"), "quiet"))
        _saved(report, playback, key, words)
        return
    if node.value is not None and "AccumulateGrad" in node.name:
        report.stage(words("inspect.goes"))
        _forward(report, node.name, own, words)
        report.line((f"{value_name(playback, node.value)}.grad  ", "code"), (words("inspect.accumulate"), "quiet"))
        _sum(report, step.grad_before, step.grad_outputs[0] if step.grad_outputs else None, step.grad_after)
    else:
        _products(report, playback, key, step, own, words, summed=part is None or part.kind != "vjp")
        if part is not None:
            return
        _passed_on(report, playback, key, step, words)
    if step.altered in ("arrived", "emitted"):
        report.line((words("inspect.hook", what=words(f"inspect.hook.{step.altered}")), "cut"))
    _saved(report, playback, key, words)


def _arrivals(report: Report, playback: Playback, key: NodeKey, words: Words, paths: int | None = None) -> None:
    """Path by path, the first of them where not all are wanted."""
    report.stage(words("inspect.arrives"))
    buffer = playback.arrived(key)
    if not buffer.contributions:
        report.line((words("inspect.notyet"), "quiet"))
    totals: dict[int, TensorSnapshot | None] = {}
    for number, contribution in enumerate(buffer.contributions[:paths]):
        before = totals.get(contribution.into)
        first = contribution.into not in totals
        totals[contribution.into] = add(before, contribution.tensor)
        source = words("inspect.seed")
        if contribution.source is not None:
            source = words("inspect.from", name=node_name(playback, (key[0], contribution.source)))
        if first:
            report.line(opens(contribution.tensor, "grad"), (f"  {source}", "quiet"))
        else:
            this, after = say(contribution.tensor), say(totals[contribution.into])
            report.line((words("inspect.plus", n=number + 1, this=this, after=after), "grad"), (f"  {source}", "quiet"))
    step = playback.emitted(key)
    if step is not None and step.altered == "reader":
        used = ", ".join(map(say, step.grad_outputs))
        report.line((words("inspect.reader"), "cut"), (f"  {used}", "grad"))
    if 0 < len(buffer.contributions) < buffer.expected and step is None:
        report.line(
            (words("inspect.waiting", done=len(buffer.contributions), all=buffer.expected), "quiet"),
        )


def _forward(report: Report, node: str, own: Formula | None, words: Words) -> None:
    """What the node computes: its own mathematics, else torch's formula of its gradients, where there is one."""
    official = official_formula(node) if own is None else None
    if own is not None:
        report.formulas(own.forward)
        report.line((own.sentence[words.language], "quiet"))
    elif official is not None:
        report.line((words("inspect.official"), "subtitle"))
        for names, formula in official.inputs:
            report.line((f"{names}: ", "quiet"), (formula, "official"))


def _products(
    report: Report, playback: Playback, key: NodeKey, step: Step, own: Formula | None, words: Words, *, summed: bool
) -> None:
    """The product for each input, before or after it is ``summed`` to the input's shape."""
    backward = playback.trace.passes[key[0]]
    report.stage(words("inspect.vjp"))
    _forward(report, backward.nodes[key[1]].name, own, words)
    for slot, gradient in enumerate(step.grad_inputs):
        entry = own.of_input(slot) if own is not None else None
        if entry is not None:
            report.formulas(entry.lines)
        caption = words("inspect.input", n=slot) if len(step.grad_inputs) > 1 and entry is None else ""
        if gradient is None:
            report.line((f"{caption}  " if caption else "", "quiet"), (words("inspect.undefined"), "quiet"))
            continue
        wide = step.unsummed[slot] if slot < len(step.unsummed) else None
        before = wide is not None and wide.shape != gradient.shape and not summed
        report.line((f"{caption}  " if caption else "", "quiet"), opens(wide if before else gradient, "grad"))
        if wide is not None and wide.shape != gradient.shape and summed:
            text = words("inspect.summed", before=figures.shape(wide.shape), after=figures.shape(gradient.shape))
            report.line((text, "quiet"))


def _passed_on(report: Report, playback: Playback, key: NodeKey, step: Step, words: Words) -> None:
    backward = playback.trace.passes[key[0]]
    report.stage(words("inspect.goes"))
    edges = sorted((e for e in backward.edges if e.source == key[1]), key=lambda e: e.source_slot)
    shown = False
    for edge in edges:
        gradient = step.grad_inputs[edge.source_slot] if edge.source_slot < len(step.grad_inputs) else None
        if gradient is not None:
            shown = True
            target = node_name(playback, (key[0], edge.target))
            report.line(opens(gradient, "grad"), ("  →  ", "quiet"), (target, "code"))
    if not shown:
        report.line((words("inspect.nowhere"), "quiet"))


def _saved(report: Report, playback: Playback, key: NodeKey, words: Words) -> None:
    """What the node keeps from its operation on; the engine lets go of it as soon as the node has run."""
    op = playback.trace.passes[key[0]].nodes[key[1]].op
    saved = _kept(playback, key) if op is None or playback.ran(op) else ()
    if not saved:
        return
    report.section(words("inspect.saved"))
    freed = _freed(playback, key)
    for entry in saved:
        said = say(entry.tensor) if entry.tensor is not None else words("inspect.packed")
        extra = "  " + words("inspect.version", n=entry.version) if entry.version else ""
        extra += "  " + words("inspect.freed") if freed else ""
        report.line((f"{entry.name}  ", "code"), (said, "freed" if freed else "value", entry.tensor), (extra, "quiet"))


def _kept(playback: Playback, key: NodeKey) -> tuple[SavedTensor, ...]:
    """What a node had kept as it ran in its pass, else in a pass before."""
    passes, own = playback.trace.passes, playback.index.step_of.get(key)
    if own is not None:
        return passes[key[0]].steps[own].saved
    wanted = passes[key[0]].nodes[key[1]].sequence_nr
    for number in reversed(range(key[0])):
        for node in passes[number].nodes:
            step = playback.index.step_of.get((number, node.id)) if node.sequence_nr == wanted else None
            if step is not None:
                return passes[number].steps[step].saved
    return ()


def _freed(playback: Playback, key: NodeKey) -> bool:
    """Whether a pass has run this node by now without retain_graph."""
    passes, wanted = playback.trace.passes, playback.trace.passes[key[0]].nodes[key[1]].sequence_nr
    return any(
        node.sequence_nr == wanted and playback.emitted((number, node.id)) is not None
        for number in range(len(passes))
        if not passes[number].retain_graph
        for node in (passes[number].nodes if number != key[0] else [passes[number].nodes[key[1]]])
    )


def _pass(report: Report, playback: Playback, event: Event, words: Words, known: Known | None) -> None:
    assert event.pass_ is not None
    backward = playback.trace.passes[event.pass_]
    title = words("line.backward", number=event.pass_ + 1)
    report.line((title, "title"), *_line(backward.line, words))
    if event.kind == "pass":
        report.section(words("inspect.seeds"))
        for (node, _), seed in zip(backward.roots, backward.seeds, strict=False):
            name = node_name(playback, (event.pass_, node)) if node >= 0 else ""
            report.line(opens(seed, "grad"), ("  →  ", "quiet"), (name, "code"))
            if dtype := _cast(playback.trace, backward, node, seed):
                report.line((words("inspect.cast", dtype=dtype), "under"))
        whole_jacobian(report, playback, event.pass_, words, known)
    else:
        if backward.error is None:
            report.line((words("inspect.kept" if backward.retain_graph else "inspect.ended"), "quiet"))
        else:
            whole = playback.trace.error
            failure = whole if whole and whole.message == backward.error.message else backward.error
            explanation, message = failure_lines(failure, words)
            report.line((explanation or message, "wrong"))
            if failure.kind == "non-scalar" and known is not None and not known.obstacle:
                report.line((words("inspect.give_seed"), "seed"))


def _cast(trace: Trace, backward: Pass, node: int, seed: TensorSnapshot | None) -> str:
    """The type that torch has made a seed of; '' where it took it as it was, or not at all."""
    value = backward.nodes[node].value if node >= 0 else None
    dtype = trace.values[value].dtype if value is not None else ""
    return dtype if seed is not None and seed.dtype != dtype and backward.error is None else ""


def _write(report: Report, playback: Playback, event: Event, words: Words) -> None:
    name = value_name(playback, event.value) if event.value is not None else ""
    report.line((f"{name}.grad" if event.kind == "grad" else name, "title"), *_line(event.line, words))
    if event.how:
        report.line((words.get(f"inspect.write.{event.how}", event.how), "quiet"))
    if event.skipped:
        report.line((words("inspect.skipped"), "cut"))
    empty = event.kind == "data" and event.value in playback.index.unfinished
    before = words("inspect.empty") if empty else say(event.before)
    report.line((before, "quiet", None if empty else event.before), ("  →  ", "quiet"), opens(event.after, "leaf"))


def _leaves(report: Report, playback: Playback, words: Words, chosen: frozenset[int], most: int) -> None:
    """Every leaf's gradient; of the chosen leaf, and of all once a pass has ended, why it is None or zero."""
    leaves = [leaf for leaf in playback.trace.leaves if leaf.value is not None]
    if not leaves:
        return
    report.section(words("inspect.leaves"))
    step, key = (playback.step, playback.node) if not playback.part else (None, None)
    target = None
    if key is not None:
        target = playback.trace.passes[key[0]].nodes[key[1]].value
    event = playback.event
    ended = playback.at_end or (event is not None and event.kind == "end")
    first, told = playback.index.leaf_of, 0
    chosen_leaves = {first.get(value) for value in chosen}
    for number, leaf in enumerate(leaves):
        assert leaf.value is not None
        here = target is not None and playback.index.leaf_of.get(target) == playback.index.leaf_of.get(leaf.value)
        if number >= most and not here:
            continue
        if here and step is not None and not step.grad_inputs and step.grad_outputs:
            _sum(report, step.grad_before, step.grad_outputs[0], step.grad_after, f"{leaf.name}.grad  ")
            continue
        grad = playback.grad(leaf.value)
        said = figures.clip(figures.tensor(grad), 60)
        report.line((f"{leaf.name}.grad  ", "code"), (said, "leaf" if grad is not None else "quiet", grad))
        here = first.get(leaf.value) in chosen_leaves
        reason = why(playback, leaf.value) if told < REASONS and (here or ended) else None
        if reason is not None and (here or reason.kind != "later"):
            told += 1
            text = words(f"why.{reason.kind}", line=reason.line, name=reason.name or words("seed.loss"))
            report.line((text, "under"))
    if len(leaves) > most:
        report.line((words("inspect.more_leaves", n=len(leaves) - most), "quiet"))


def _compared(report: Report, written: Trace, supposed: Trace, words: Words) -> None:
    """At the end of both runs: as written → under the what-ifs."""
    rows = compare(written, supposed)
    if not rows:
        return
    report.section(words("inspect.compared"))
    same = [row.name for row in rows if not row.changed]
    for row in [row for row in rows if row.changed][:60]:
        report.line(
            (f"{row.name}.grad  ", "code"), opens(row.written, "quiet"), ("  →  ", "quiet"), opens(row.supposed, "cut")
        )
        if row.difference is not None:
            report.line((words("inspect.difference", what=say(row.difference)), "under"))
        elif row.supposed is None:
            report.line((words("inspect.lost"), "under"))
    if same:
        names = figures.clip(", ".join(f"{name}.grad" for name in same), WIDTH)
        report.line((words("inspect.unchanged", names=names), "quiet"))
    found = edits(supposed)
    if found is not None:
        report.section(words("inspect.as_code"))
        lines = applied(supposed.source, found).split("\n")
        for line in sorted({edit.span[0] for edit in found}):
            report.line((f"{line}  ", "quiet"), (lines[line - 1].strip(), "code"))


def _sum(
    report: Report,
    before: TensorSnapshot | None,
    this: TensorSnapshot | None,
    after: TensorSnapshot | None,
    name: str = "",
) -> None:
    """before + this = after."""
    report.line(
        (name, "code"), opens(before, "quiet"), (" + ", "quiet"), opens(this, "grad"), (" = ", "quiet"),
        opens(after, "leaf"),
    )  # fmt: skip


def _line(line: int, words: Words) -> tuple[Part, ...]:
    return ((f"   {words('inspect.line', line=line)}", "quiet"),) if line else ()


def _node_expression(playback: Playback, key: NodeKey, op_id: int) -> str:
    op = playback.trace.ops[op_id]
    names = [name for value in op.outputs for name in playback.trace.values[value].names]
    text = op.text or op.name
    return f"{names[0]} = {text}" if names else text
