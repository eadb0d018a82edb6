"""Reads source files for what `rules.py` forbids; names are followed through the imports that gave them."""

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.architecture.rules import (
    BANNED_BELOW_CLI,
    BANNED_CALLS,
    BANNED_IN_PURE,
    DEFERRED,
    LAYERS,
    MAX_LINES,
    ONLY_IN,
    OWN_PROGRAM,
    PURE_LAYERS,
    STANDALONE,
    STANDALONE_PACKAGES,
    TYPES_ONLY,
)

ROOT = Path(__file__).resolve().parents[2]
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(frozen=True)
class Breach:
    file: str
    line: int
    words: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.words}"


def sources(folders: tuple[str, ...] = tuple(LAYERS)) -> Iterator[tuple[str, str]]:
    """Every source file of the folders: (path from the root, text)."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text()


def length(file: str, text: str) -> Iterator[Breach]:
    lines = len(text.splitlines())
    if lines > MAX_LINES and file != STANDALONE:
        yield Breach(file, lines, f"longer than {MAX_LINES} lines: does it still have one subject?")


def breaches(file: str, text: str) -> Iterator[Breach]:
    """Everything in one file of a layer that breaks a rule."""
    yield from length(file, text)
    tree = ast.parse(text)
    names = _names(tree)
    for node in ast.walk(tree):
        for module in imported(node):
            yield from _import(file, _line(node), module)
        if isinstance(node, ast.Name | ast.Attribute):
            yield from _use(file, node, names)
        if isinstance(node, ast.Call) and any(word.arg == "shell" for word in node.keywords):
            yield Breach(file, node.lineno, "shell=: never a shell")
    yield from _deferred(file, tree)


def imported(node: ast.AST) -> list[str]:
    """The full names that an import statement brings in: `from os import path` gives `os.path`."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        module = "." * node.level + (node.module or "")
        return [f"{module}.{alias.name}" for alias in node.names]
    return []


def _import(file: str, line: int, module: str) -> Iterator[Breach]:
    layer, top = file.partition("/")[0], module.partition(".")[0]
    rule = LAYERS[layer]
    if file == STANDALONE:
        if top not in sys.stdlib_module_names | STANDALONE_PACKAGES:
            yield Breach(file, line, f"imports {module}: the verifier is one file that goes along with a bundle")
    elif module.startswith("."):
        yield Breach(file, line, "imports are absolute, so that every tool can follow them")
    elif top in LAYERS:
        if top != layer and top not in rule.layers:
            yield Breach(file, line, f"{layer} may not import {module}: {rule.why}")
        elif top == layer == "projections":
            yield Breach(file, line, f"imports {module}: projections do not import each other")
    elif top in sys.stdlib_module_names or top in ("msgpack", "msgspec"):
        allowed = rule.outside is None or _within(module, rule.outside | rule.packages)
        if not allowed and TYPES_ONLY.get(file) != module:
            yield Breach(file, line, f"{layer} may not import {module}: {rule.why}")
    elif top not in rule.packages and file != OWN_PROGRAM:
        yield Breach(file, line, f"{layer} may not import the package {top}: {rule.why}")
    for banned, (place, why) in ONLY_IN.items():
        if _within(module, {banned}) and not (place and file.startswith(place)):
            yield Breach(file, line, f"imports {banned}: {why}")


def _use(file: str, node: ast.Name | ast.Attribute, names: Mapping[str, str]) -> Iterator[Breach]:
    name = _full(node, names)
    tables = [BANNED_CALLS]
    if not file.startswith(("cli/", "storectl/", OWN_PROGRAM)):
        tables.append(BANNED_BELOW_CLI)
    if file.startswith(PURE_LAYERS):
        tables.append(BANNED_IN_PURE)
    for banned, why in ((banned, why) for table in tables for banned, why in table.items()):
        if name == banned or (banned.endswith("*") and name.startswith(banned[:-1])):
            yield Breach(file, node.lineno, f"{name}: {why}")
    for module, (place, why) in ONLY_IN.items():
        if name == module and isinstance(node, ast.Attribute) and not (place and file.startswith(place)):
            yield Breach(file, node.lineno, f"{name}: {why}")
    only_a_type = TYPES_ONLY.get(file)
    if only_a_type and name.startswith(f"{only_a_type}."):
        yield Breach(file, node.lineno, f"{name}: here {only_a_type} is a type, and nothing is done with it")


def _names(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for; a name that the file defines itself hides the built-in of that name."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            # A method does not: inside its class, the bare name is still the built-in.
            if node in tree.body:
                found.setdefault(node.name, f".{node.name}")
        elif isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                found[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return found


def _full(node: ast.expr, names: Mapping[str, str]) -> str:
    """`o.system` after `import os as o` is `os.system`; what starts with no plain name is `?…`."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        return f"{_full(node.value, names)}.{node.attr}"
    return "?"


def _deferred(file: str, tree: ast.Module) -> Iterator[Breach]:
    if file.startswith(tuple(DEFERRED)):
        return
    inside = {node for function in ast.walk(tree) if isinstance(function, _FUNCTION) for node in ast.walk(function)}
    for node in inside:
        for module in imported(node):
            yield Breach(file, _line(node), f"imports {module} inside a function: hides a cycle")


def cycles(files: Mapping[str, str]) -> list[str]:
    """Import cycles between modules, each written as the path round it; imports under TYPE_CHECKING do not count."""
    modules = {file[:-3].replace("/", ".").removesuffix(".__init__"): file for file in files}
    edges: dict[str, set[str]] = {}
    for module, file in modules.items():
        names = [name for node in _run_at_import(ast.parse(files[file])) for name in imported(node)]
        # `from a.b import c` names the module a.b.c, or something in the module a.b.
        edges[module] = {name if name in modules else name.rpartition(".")[0] for name in names} & set(modules)
        edges[module].discard(module)
    return _find_cycles(edges)


def _run_at_import(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        type_checking = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        if not type_checking and not isinstance(child, _FUNCTION):
            yield child
            yield from _run_at_import(child)


def _find_cycles(edges: Mapping[str, set[str]]) -> list[str]:
    found: list[str] = []
    done: set[str] = set()

    def visit(module: str, path: list[str]) -> None:
        if module in path:
            found.append(" → ".join([*path[path.index(module) :], module]))
        elif module not in done:
            for target in sorted(edges[module]):
                visit(target, [*path, module])
            done.add(module)

    for module in sorted(edges):
        visit(module, [])
    return found


def _within(name: str, allowed: frozenset[str] | set[str]) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in allowed)


def _line(node: ast.AST) -> int:
    return int(getattr(node, "lineno", 0))
