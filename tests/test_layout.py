"""The package's import graph: no cycles, not even through imports in functions or for type checkers."""

import ast
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "py_djl_resnet"


def module_name(file):
    parts = [PACKAGE.name, *file.relative_to(PACKAGE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(file): file for file in sorted(PACKAGE.rglob("*.py"))}


def imported(module, file):
    """The package's modules that a module imports anywhere in its text."""
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            source = ".".join(part for part in (base, node.module) if part)
            # a name is a module of the package, or a name in it
            found |= {name if (name := f"{source}.{alias.name}") in MODULES else source for alias in node.names}
    return found & MODULES.keys() - {module}


GRAPH = {module: imported(module, file) for module, file in MODULES.items()}


def cycles(graph):
    """Lists cycles that share no import."""
    graph = {module: set(others) for module, others in graph.items()}
    found = []
    while True:
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            cycle = error.args[1][::-1]
            found.append(" -> ".join(cycle))
            for module, other in pairwise(cycle):
                graph[module].discard(other)
        else:
            return found


def test_import_graph_sees_every_kind_of_import():
    assert "py_djl_resnet._java.jvm" in GRAPH["py_djl_resnet.models"]
    assert "py_djl_resnet._classification" in GRAPH["py_djl_resnet._model"]  # in a function and under TYPE_CHECKING
    assert "py_djl_resnet" in GRAPH["py_djl_resnet.cli.parser"]


def test_package_has_no_import_cycle():
    assert cycles(GRAPH) == []
