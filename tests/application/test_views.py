"""Views: every row leads back to its leaf, nothing in a name does anything, and other people's parsers take them."""

import csv
import io
import json
import re
from html.parser import HTMLParser
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from application.audit.exporting import Events, Wanted
from application.audit.viewing import FORMS, Form, view
from domain.bundle.manifest import Filters
from domain.events.codec import draft
from domain.events.image import ImagePulled
from domain.events.registry import BY_KIND
from domain.ledger.checkpoint import parse_checkpoint, parse_note
from domain.ledger.entry import Draft
from domain.values import Digest, ImageId, LayerId
from projections.views.ocsf import VERSION
from projections.views.tables import COLUMNS, harmless
from tests.support.bundles import HonestLog, a_log
from tests.vectors.generate_event_vectors import example

NASTY = [
    "<script>alert(1)</script>", "=cmd|' /C calc'!A0", '"=1+1"', "+1", "-2+3", "@SUM(1)", "\t=1", "\r=1",
    "\n<110>1 forged", 'a"]b\\c', "</td></tr></table><img src=x onerror=alert(1)>", "\u202eevil", "x\u2028y", "＝1",
]  # fmt: skip


def nasty_log() -> HonestLog:
    """Images whose names try to get out of every format, and one event of every kind."""
    log = HonestLog(rooted=False)
    for number, name in enumerate(NASTY):
        image = ImageId(f"{number:064x}")
        digest = Digest(f"sha256:{number:064x}")
        log.add(
            draft(ImagePulled(image, digest, None, digest, (name,), name, (LayerId("a" * 64),), 5)),
            name[:99].strip() or "x",
        )
    for kind, event in BY_KIND.items():
        if kind != "store.initialised" and not kind.startswith("key."):
            log.add(draft(example(event)))
    log.add(Draft("future", "future.kind", 7, msgpack.packb({"new": 1})))
    log.grow(1)
    return log


LOG = nasty_log()


def written(form: Form, log: HonestLog = LOG, filters: Filters | None = None) -> bytes:
    head = log.head()
    events = Events(log, Wanted(0, log.size, filters or Filters()), log.size)
    return b"".join(view(events, form, parse_checkpoint(parse_note(head.checkpoint).text)))


def leaves(log: HonestLog = LOG) -> list[tuple[int, str]]:
    return [(row.position, row.leaf_hash.hex()) for row in log.rows_there]  # type: ignore[attr-defined]


def test_json_lines_lead_back_to_the_leaf() -> None:
    rows = [json.loads(line) for line in written("jsonl").splitlines()]
    assert [(row["position"], row["leaf_hash"]) for row in rows] == leaves()


def test_csv_is_read_back_and_no_cell_is_a_formula() -> None:
    rows = list(csv.DictReader(io.StringIO(written("csv").decode(), newline="")))
    assert tuple(rows[0]) == COLUMNS
    assert [(int(row["position"]), row["leaf_hash"]) for row in rows] == leaves()
    for row in rows:
        for cell in row.values():
            assert not re.match(r"[\s\"']*[=+\-@\t\r＝]", cell) or cell.startswith("'")


@given(st.text())
def test_whatever_a_cell_says_it_begins_with_nothing_that_is_carried_out(text: str) -> None:
    cell = harmless(text)
    assert cell[:1] not in ("=", "+", "-", "@", "\t", "\r")
    assert cell in (text, f"'{text}")


@pytest.fixture(scope="module")
def ocsf() -> Any:
    return Draft202012Validator(
        OcsfJsonSchemaEmbedded(get_ocsf_schema(version=VERSION)).get_class_schema("entity_management", [])
    )


def test_ocsf_is_valid_by_its_own_schema_for_every_kind_of_event(ocsf: Any) -> None:
    rows = [json.loads(line) for line in written("ocsf").splitlines()]
    for row in rows:
        ocsf.validate(row)
    assert [(row["metadata"]["sequence"], row["metadata"]["uid"]) for row in rows] == leaves()
    broken = {name: value for name, value in rows[0].items() if name != "entity"}
    assert list(ocsf.iter_errors(broken))


SYSLOG = re.compile(
    r"<110>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z - storectl - [!-~]{1,32} "
    r'\[storectl@32473((?: [a-z_]+="(?:[^"\\\]]|\\["\\\]])*")*)\] \ufeff(.*)'
)


def test_syslog_is_one_well_formed_line_for_each_event() -> None:
    lines = written("syslog").decode().split("\n")
    assert lines.pop() == ""
    found = []
    for line in lines:
        match = SYSLOG.fullmatch(line)
        assert match, line
        fields = dict(re.findall(r' ([a-z_]+)="((?:[^"\\\]]|\\["\\\]])*)"', match[1]))
        found.append((int(fields["position"]), fields["leaf_hash"]))
        assert not re.search("[\x00-\x1f\x7f\u2028]", line)
    assert found == leaves()


class Page(HTMLParser):
    """The tags of a page, and the text of its table's cells."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_has_no_tag_but_its_own_and_no_address() -> None:
    page = Page()
    page.feed(written("html").decode())
    used = {tag for tag, _ in page.tags}
    assert used == {
        "html", "head", "meta", "title", "style", "body", "h1", "p", "dl", "dt", "dd", "input", "span", "table",
        "thead", "tr", "th", "button", "tbody", "td", "br", "b", "script",
    }  # fmt: skip
    assert sum(tag == "script" for tag, _ in page.tags) == 1
    names = {name for _, attrs in page.tags for name in attrs}
    assert not [name for name in names if name.startswith("on") or name in ("src", "href", "style", "action")]
    for name in NASTY[:8]:
        assert name.strip("\t\r\n ")[:6] in page.text
    assert sum(tag == "tr" for tag, _ in page.tags) == LOG.size + 1
    assert "proven" in page.text
    assert "ask for a bundle" in page.text


@pytest.mark.parametrize("form", FORMS)
def test_filters_narrow_every_view(form: Form) -> None:
    log = a_log()
    everything, some = written(form, log), written(form, log, Filters(actor="mallory"))
    assert len(some) < len(everything)
    assert b"mallory" in some
