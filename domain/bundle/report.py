"""report.html: the events for reading, self-contained. One table; a script of its own filters and sorts it.

Nothing in it comes from elsewhere, and the policy in its head lets nothing in: the one style sheet and the one script
are named by their hash. Whatever an event says is escaped. A verifier makes the page anew and compares.
"""

import base64
import hashlib
import re
from collections.abc import Iterator
from html import escape

from domain.bundle.manifest import Facts, range_json, statement
from domain.bundle.rows import Document

MAX_ROWS = 10_000
# Control characters, and those that turn the direction of text round: what is read has to be what was said.
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")

_STYLE = """
:root{color-scheme:light dark;--line:#8884;--dim:#777}
body{font:14px/1.45 system-ui,sans-serif;margin:1.5rem auto;max-width:110rem;padding:0 1rem}
h1{font-size:1.3rem;margin:0 0 .6rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:0 0 1rem}
dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}
.claim{border-left:.3rem solid #2a7;padding:.3rem .7rem;margin:0 0 1rem}
.claim.inclusion{border-color:#d80}.claim.view{border-color:#d33}
input{font:inherit;padding:.3rem .5rem;width:22rem;max-width:100%}
table{border-collapse:collapse;width:100%;margin-top:.7rem}
th,td{text-align:left;vertical-align:top;padding:.25rem .5rem;border-bottom:1px solid var(--line)}
th{position:sticky;top:0;background:Canvas;white-space:nowrap}
th button{font:inherit;font-weight:600;border:0;background:none;color:inherit;padding:0;cursor:pointer}
th[aria-sort=ascending] button::after{content:" \\2191"}th[aria-sort=descending] button::after{content:" \\2193"}
td:first-child{text-align:right;font-variant-numeric:tabular-nums}
td{font-size:12.5px}td.time{white-space:nowrap}td.data{overflow-wrap:anywhere;width:58%}
td.hash{font:10.5px/1.5 ui-monospace,monospace;overflow-wrap:anywhere;min-width:13rem}
td.data b{font-weight:500;color:var(--dim)}
[hidden]{display:none}
@media print{.tools{display:none}th{position:static}th button::after{content:""!important}
body{margin:0;max-width:none;font-size:9pt}tr{break-inside:avoid}}
"""
_SCRIPT = """
"use strict";
const table=document.querySelector("table"),body=table.tBodies[0],rows=[...body.rows];
const box=document.getElementById("filter"),shown=document.getElementById("shown");
const texts=rows.map(row=>row.textContent.toLowerCase());
function filter(){
  const words=box.value.toLowerCase().split(/\\s+/).filter(Boolean);let count=0;
  rows.forEach((row,at)=>{row.hidden=!words.every(word=>texts[at].includes(word));count+=row.hidden?0:1});
  shown.textContent=count+" of "+rows.length+" shown";
}
function sort(head){
  const column=head.cellIndex,down=head.getAttribute("aria-sort")==="ascending";
  for(const other of head.parentNode.cells)other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort",down?"descending":"ascending");
  const sign=down?-1:1,number=column===0;
  const keyed=rows.map((row,at)=>[number?Number(row.cells[0].textContent):row.cells[column].textContent,at]);
  keyed.sort((a,b)=>sign*(a[0]<b[0]?-1:a[0]>b[0]?1:0)||a[1]-b[1]);
  body.append(...keyed.map(pair=>rows[pair[1]]));
}
box.addEventListener("input",filter);
for(const head of table.tHead.rows[0].cells)head.firstElementChild.addEventListener("click",()=>sort(head));
document.querySelector(".tools").hidden=false;filter();
"""


def _named(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


_POLICY = (
    f"default-src 'none'; style-src '{_named(_STYLE)}'; script-src '{_named(_SCRIPT)}'; base-uri 'none'; "
    "form-action 'none'"
)
_STATES = {"completeness": "range proof", "inclusion": "inclusion proof"}
_COLUMNS = ("Position", "Time", "Type", "Actor", "Operation", "Data", "Proof", "Leaf hash")
HEAD = (
    '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
    '<meta name="viewport" content="width=device-width">\n<meta name="referrer" content="no-referrer">\n'
    f"<title>storectl audit report</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>Audit report</h1>\n"
)
TABLE = (
    '<p class="tools" hidden><input id="filter" type="search" aria-label="Filter" '
    'placeholder="Filter: words that a row has"> <span id="shown"></span></p>\n<table>\n<thead><tr>'
    + "".join(f'<th scope="col"><button type="button">{name}</button></th>' for name in _COLUMNS)
    + "</tr></thead>\n<tbody>\n"
)
TAIL = f"</tbody>\n</table>\n<script>{_SCRIPT}</script>\n</body>\n</html>\n"


def report(facts: Facts, documents: Iterator[Document], *, view: bool = False) -> Iterator[bytes]:
    """The page, piece by piece. `view`: it stands alone, without the proofs of a bundle.

    `documents` are those of the range or selection, neighbours left out; the first MAX_ROWS are shown.
    """
    yield HEAD.encode()
    yield _summary(facts, view).encode()
    yield TABLE.encode()
    state = "view only" if view else _STATES[facts.coverage.proves]
    for number, document in enumerate(documents):
        if number == MAX_ROWS:
            break
        yield _row(document, state).encode()
    yield TAIL.encode()


def _summary(facts: Facts, view: bool) -> str:
    coverage = facts.coverage
    claim = "a view: nothing on this page is proven; ask for a bundle" if view else statement(coverage.proves)
    span = range_json(coverage)
    events = f"{coverage.count}, positions {coverage.first} to {coverage.last}" if coverage.count else "none"
    rows = [
        ("Log", facts.checkpoint.origin),
        ("Store", facts.store),
        ("Checkpoint", f"{facts.checkpoint.size} events, root hash {facts.checkpoint.root_hash.hex()}"),
        ("Events", events),
    ]
    if coverage.proves == "completeness":
        rows.append(("After", str(span["after"] or "the beginning of the log")))
        rows.append(("Before", str(span["before"] or "the end of the log at this checkpoint")))
    rows += [("Only", word) for word in facts.filters.words()]
    if coverage.count > MAX_ROWS:
        rest = "narrow the range for the others" if view else "all are in events.jsonl"
        rows.append(("Shown", f"the first {MAX_ROWS}; {rest}"))
    if not view:
        rows.append(("To check", "python3 verify_bundle.py BUNDLE --key VKEY; or by hand: VERIFY.md"))
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(_text(text))}</dd>\n" for name, text in rows)
    kind = "view" if view else coverage.proves
    return f'<p class="claim {kind}">{escape(claim)}</p>\n<dl>\n{listed}</dl>\n'


def _row(document: Document, state: str) -> str:
    cells = [
        ("position", document["position"]), ("time", document["time"]), ("type", document["type"]),
        ("actor", document["actor"]), ("operation", document["operation"][:8]),
    ]  # fmt: skip
    head = "".join(f'<td class="{name}">{escape(_text(text))}</td>' for name, text in cells)
    data = " · ".join(
        f"<b>{escape(_text(name))}</b> {escape(_text(value))}" for name, value in document["data"].items()
    )
    return (
        f'<tr>{head}<td class="data">{data}</td><td>{escape(state)}<br>key {escape(document["key"])}</td>'
        f'<td class="hash">{escape(document["leaf_hash"])}</td></tr>\n'
    )


def _text(value: object) -> str:
    """A value for reading: lists with commas, objects as name=value in brackets, nothing as a dash."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value) if value else "–"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}={_text(item)}" for name, item in value.items()) + "}"
    return _HIDDEN.sub("\N{REPLACEMENT CHARACTER}", str(value))
