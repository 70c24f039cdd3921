"""Writes assets/formulas.json: the formula of every node that torch generates, as torch's own derivatives.yaml has it.

Run by ``make formulas`` after torch has been exchanged. torch itself is not imported, only its file is read.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "assets" / "formulas.json"
SOURCE = "torchgen/packaged/autograd/derivatives.yaml"

STATEMENT = re.compile(r"( *)(- name|[A-Za-z_][\w, ]*):((?: .*)?)$")
COMMENT = re.compile(r"(?:^|\s)#.*")
DISPATCH = 4
"""Spaces before a dispatch key; what stands deeper or less deep are keys of an entry."""

Entry = dict[str, dict[str, str]]
"""Dispatch key → what it differentiates by → formula."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=TARGET, help="where to write it")
    spec = importlib.util.find_spec("torchgen")
    assert spec is not None, "torch is not installed"
    assert spec.origin is not None, "torchgen is not a package"
    definitions = (Path(spec.origin).parents[1] / SOURCE).read_text(encoding="utf-8")
    parser.parse_args().out.write_text(document(definitions), encoding="utf-8", newline="\n")


def document(definitions: str) -> str:
    """The JSON file, a line for each node so that a new torch shows as a small difference."""
    torch = distribution("torch")
    notice = torch.read_text("licenses/LICENSE")
    assert notice is not None, "torch came without its licence, which has to go along with its formulas"
    nodes = ",\n".join(f"  {json.dumps(name)}: {json.dumps(record)}" for name, record in formulas(definitions))
    source = f"torch {torch.version.partition('+')[0]}, {SOURCE}"
    head = f'  "source": {json.dumps(source)},\n  "notice": {json.dumps(notice)}'
    return f'{{\n{head},\n  "nodes": {{\n{nodes}\n  }}\n}}\n'


def formulas(definitions: str) -> Iterator[tuple[str, dict[str, object]]]:
    """(node, its schema and formulas by input) in the order of the file.

    A node is named as torchgen does it (``create_differentiability_info``): the operation in CamelCase, ``Backward``,
    the dispatch key where it is not the default, and a number that counts the operations of that name.
    """
    counter: Counter[str] = Counter()
    for schema, entry in entries(definitions):
        operation = re.split(r"[.(]", schema, maxsplit=1)[0]
        camel = "".join(part.title() for part in operation.split("_"))
        arguments = re.findall(r"(\w+)(?:=[^,()]*)?(?=[,)])", schema.rpartition(" -> ")[0])
        for dispatch, keys in entry.items():
            # What is differentiated by a result, not by an argument, is torch's formula for forward mode.
            inputs = {
                names: formula
                for names, formula in keys.items()
                if names.partition(",")[0] in arguments and formula.lower() != "non_differentiable"
            }
            if inputs:
                kind = (camel + "Backward").replace("ForwardBackward", "Backward")
                kind += dispatch if dispatch != "Default" else ""
                ordered = sorted(inputs.items(), key=lambda pair: arguments.index(pair[0].partition(",")[0]))
                yield f"{kind}{counter[kind]}", {"schema": schema, "inputs": ordered}
                counter[kind] += 1


def entries(text: str) -> list[tuple[str, Entry]]:
    """(schema, entry) of that YAML file, which uses so little of YAML that no parser of it is needed."""
    found: list[tuple[str, Entry]] = []
    keys: dict[str, str] = {}
    for depth, key, value in statements(text):
        if key == "- name":
            keys = {}
            found.append((value, {"Default": keys}))
        elif depth == DISPATCH:
            keys = found[-1][1][key] = {}
        elif key not in ("dispatch", "output_differentiability"):
            keys[key] = value
    return found


def statements(text: str) -> Iterator[tuple[int, str, str]]:
    """(depth, key, value) with comments and quotes taken off and the lines of a long value joined."""
    joined: list[str] = []
    for line in text.splitlines():
        line = COMMENT.sub("", line)
        if STATEMENT.match(line):
            joined.append(line)
        elif line.strip():
            joined[-1] += f" {line.strip()}"
    for line in joined:
        depth, key, value = STATEMENT.match(line).groups()  # type: ignore[union-attr]
        value = value.strip()
        quoted = value[:1] in "'\"" and value[-1:] == value[:1]
        yield len(depth), key, value[1:-1].strip() if quoted else value


if __name__ == "__main__":
    main()
