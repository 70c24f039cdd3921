"""Our layout beside Graphviz dot on the same cards: processor time, and edges that cross in the finished picture."""

from __future__ import annotations

import gc
import shutil
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from bench import workload
from core.engine import record
from core.layout import Link, Point, Size, arrange
from core.records import Options, Pass

GAP, BETWEEN = 72.0, 28.0
HEIGHT = 84.0
PATIENCE = 20.0
"""Seconds that dot may take."""
COUNTED = 2000
"""Edges of the largest graph whose crossings are counted."""
LOOP = """import torch

weight = torch.tensor(1.05, requires_grad=True)
x = torch.tensor(1.0)
turns = 0
while turns < 60:
    x = torch.tanh(x * weight)
    turns += 1
x.backward()
"""
RNN = """import torch

recurrent, into, bias = (torch.randn(4, 4, requires_grad=True) for _ in range(3))
h = torch.zeros(4, 4)
for x in torch.randn(50, 4, 4):
    h = torch.tanh(x @ into + h @ recurrent + bias)
h.square().sum().backward()
"""


class Result(NamedTuple):
    """One graph.

    Attributes:
        what: the graph.
        ours, dot: seconds; dot's is infinite where it takes too long, None where it is not installed.
        crossings: in our picture and in dot's; None where they are not counted.
        target: what we want.
    """

    what: str
    ours: float
    dot: float | None
    crossings: tuple[int | None, int | None]
    target: str


def measure() -> Iterator[Result]:
    """Every graph in turn."""
    transformer = workload.source("transformer").replace("(layer, 6", "(layer, 8")
    for what, graph, target in (
        ("the backward of a transformer of 8 layers", backward_graph(transformer), "≤ 20 ms, crossings ≤ dot's"),
        ("a loop of 60 turns, its weight a chip at each use", with_chips(backward_graph(LOOP)), "≤ 20 ms"),
        ("a recurrent network of 50 steps, its weights chips", with_chips(backward_graph(RNN)), ""),
        ("a chain of residual blocks", residual_blocks(10_000), "≤ 500 ms"),
    ):
        sizes, links = graph
        ours, routes = own(sizes, links)
        theirs = dot(sizes, links)
        drawn = [None if len(links) > COUNTED else crossings(routes, links)]
        drawn.append(crossings(*theirs[1:]) if theirs and theirs[1] and len(links) <= COUNTED else None)
        yield Result(
            f"layout of {what}, {len(sizes):,} cards",
            ours,
            None if theirs is None else theirs[0],
            (drawn[0], drawn[1]),
            target,
        )


def backward_graph(source: str) -> tuple[list[Size], list[Link]]:
    """Nodes and edges of a program's backward pass as cards, in the forward direction."""
    backward: Pass = record(source, options=Options(verify=False)).passes[0]
    sizes = [(40 + 7.5 * len(node.name), HEIGHT) for node in backward.nodes]
    return sizes, [(edge.target, edge.source) for edge in backward.edges]


def with_chips(graph: tuple[list[Size], list[Link]]) -> tuple[list[Size], list[Link]]:
    """The same with a leaf used three times or more drawn again at each use."""
    sizes, links = list(graph[0]), []
    uses = Counter(a for a, _ in graph[1])
    made = {b for _, b in graph[1]}
    for a, b in graph[1]:
        chip = a not in made and uses[a] >= 3
        links.append((len(sizes) if chip else a, b))
        if chip:
            sizes.append((60.0, 28.0))
    kept = sorted({card for link in links for card in link})
    number = {card: place for place, card in enumerate(kept)}
    return [sizes[card] for card in kept], [(number[a], number[b]) for a, b in links]


def residual_blocks(cards: int) -> tuple[list[Size], list[Link]]:
    """Blocks of four operations, three of them with two parameters, and an addition."""
    links: list[Link] = []
    last, count = 0, 1
    while count < cards:
        entry = last
        for operation in range(4):
            parameters = range(count + 1, count + 3) if operation != 2 else range(0)
            links += [(last, count), *((parameter, count) for parameter in parameters)]
            last, count = count, count + 1 + len(parameters)
        links += [(entry, count), (last, count)]
        last, count = count, count + 1
    return [(104.0 + 20 * (card % 5), HEIGHT) for card in range(count)], links


def own(sizes: list[Size], links: list[Link]) -> tuple[float, tuple[tuple[Point, ...], ...]]:
    """Median processor seconds of our layout, and its routes."""
    seconds = []
    for _ in range(9 if len(sizes) < COUNTED else 3):
        gc.collect()
        start = time.process_time()
        routes = arrange(sizes, links, gap=GAP, between=BETWEEN).routes
        seconds.append(time.process_time() - start)
    return statistics.median(seconds), routes


def dot(sizes: list[Size], links: list[Link]) -> tuple[float, list[tuple[Point, ...]], list[Link]] | None:
    """Processor seconds of dot, its routes and the edges in the same order; None where dot is not installed."""
    if shutil.which("dot") is None or sys.platform == "win32":
        return None
    lines = [f"digraph {{ rankdir=LR ranksep={GAP / 72} nodesep={BETWEEN / 72} node [shape=box fixedsize=true]"]
    lines += [f'{n} [label="" width={w / 72} height={h / 72}]' for n, (w, h) in enumerate(sizes)]
    lines += [f"{a} -> {b} [tailport=e headport=w]" for a, b in links]
    import resource  # not on Windows

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        done = subprocess.run(
            ["dot", "-Tplain"], input="\n".join([*lines, "}"]), capture_output=True, text=True, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return float("inf"), [], []
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    routes: list[tuple[Point, ...]] = []
    drawn: list[Link] = []
    for words in map(str.split, done.stdout.splitlines()):
        if words[0] == "edge":
            numbers = [float(word) * 72 for word in words[4 : 4 + 2 * int(words[3])]]
            routes.append(tuple(zip(numbers[::2], numbers[1::2], strict=True)))
            drawn.append((int(words[1]), int(words[2])))
    return after.ru_utime - before.ru_utime, routes, drawn


def crossings(routes: tuple[tuple[Point, ...], ...] | list[tuple[Point, ...]], links: list[Link]) -> int:
    """Pairs of edges without a card in common whose curves cross."""
    starts, ends, edges = [], [], []
    t = np.linspace(0, 1, 13)[:, None, None]
    for number, route in enumerate(routes):
        p = np.array(route)
        a, b, c, d = p[:-1:3], p[1::3], p[2::3], p[3::3]
        curve = a * (1 - t) ** 3 + 3 * b * t * (1 - t) ** 2 + 3 * c * t**2 * (1 - t) + d * t**3
        points = curve.transpose(1, 0, 2).reshape(-1, 2)
        starts.append(points[:-1])
        ends.append(points[1:])
        edges += [number] * (len(points) - 1)
    a, b, edge = np.vstack(starts), np.vstack(ends), np.array(edges)
    order = np.argsort(np.minimum(a, b)[:, 0], kind="stable")
    a, b, edge = a[order], b[order], edge[order]
    low, high = np.minimum(a, b), np.maximum(a, b)
    cards = np.array(links)
    found = set()
    for place in range(len(a)):
        stop = np.searchsorted(low[:, 0], high[place, 0], side="right")
        near = np.arange(place + 1, stop)
        near = near[(low[near, 1] <= high[place, 1]) & (high[near, 1] >= low[place, 1])]
        near = near[~np.isin(cards[edge[near]], cards[edge[place]]).any(1)]
        across = _side(a[place], b[place], a[near]) * _side(a[place], b[place], b[near]) < 0
        across &= _side(a[near], b[near], a[place]) * _side(a[near], b[near], b[place]) < 0
        found |= {frozenset((int(edge[place]), int(other))) for other in edge[near[across]]}
    return len(found)


def _side(a: np.ndarray, b: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Sign: on which side of the line from ``a`` to ``b`` the point lies."""
    side: np.ndarray = (b[..., 0] - a[..., 0]) * (point[..., 1] - a[..., 1])
    return side - (b[..., 1] - a[..., 1]) * (point[..., 0] - a[..., 0])
