"""Pictures of graphs, drawn by Graphviz."""

import tempfile
from pathlib import Path

from adapters.process import Runner


def draw_svg(runner: Runner, dot: str) -> str:
    """A graph in dot as SVG. Raises ProgramMissing (the package graphviz), ProgramFailed."""
    with tempfile.TemporaryDirectory(prefix="storectl-") as directory:
        file = Path(directory) / "graph.dot"
        file.write_text(dot, encoding="utf-8")
        return runner.run(["dot", "-Tsvg", file]).text
