"""The reference graph as one page of HTML: the picture, and every node with what holds it. It loads nothing.

Names come from registries and other people's stores: all of them are escaped, and the page forbids scripts.
"""

from collections.abc import Iterator
from html import escape

from domain.graph import ReferenceGraph
from domain.times import format_time
from projections.drawing import Edge, Node

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 15px/1.4 sans-serif; margin: 2em; color: #222; background: #fff; }}
.picture {{ overflow: auto; border: 1px solid #ccc; padding: 1em; }}
table {{ border-collapse: collapse; margin-top: 1em; }}
th, td {{ text-align: left; vertical-align: top; padding: .3em .8em; border-bottom: 1px solid #ddd; }}
td.id {{ font-family: monospace; overflow-wrap: anywhere; }}
tr.garbage {{ color: #888; font-style: italic; }}
tr:target {{ background: #ffc; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>At position {position}, {time}. An arrow leads from what holds to what is held; dashed is what nothing holds.</p>
<div class="picture">{picture}</div>
<table>
<thead><tr><th>kind</th><th>name</th><th>identity</th><th>held by</th><th>state</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</body>
</html>"""


def as_html(graph: ReferenceGraph, nodes: list[Node], edges: list[Edge], svg: str) -> str:
    """`svg` is the same graph drawn by Graphviz."""
    picture = svg[svg.index("<svg") :] if "<svg" in svg else ""
    rows = "\n".join(_rows(nodes, edges))
    return _PAGE.format(
        title=escape(f"Reference graph of {graph.origin}"), position=graph.position, time=format_time(graph.time_us),
        picture=picture, rows=rows,
    )  # fmt: skip


def _rows(nodes: list[Node], edges: list[Edge]) -> Iterator[str]:
    anchors = {node.id: f"n{number}" for number, node in enumerate(nodes)}
    names = {node.id: f"{node.kind} {node.name}" for node in nodes}
    holders: dict[str, list[Edge]] = {}
    for edge in edges:
        holders.setdefault(edge.target, []).append(edge)
    for node in nodes:
        held_by = "<br>".join(
            f'<a href="#{anchors[e.source]}">{escape(names[e.source])}</a> (event {e.event})'
            for e in holders.get(node.id, ())
            if e.source in anchors
        )
        identity = node.id.removeprefix(f"{node.kind}:")
        yield (
            f'<tr id="{anchors[node.id]}"{"" if node.live else " class=garbage"}><td>{escape(node.kind)}</td>'
            f'<td>{escape(node.name)}</td><td class="id">{escape(identity)}</td>'
            f"<td>{held_by}</td><td>{'live' if node.live else 'garbage'}</td></tr>"
        )
