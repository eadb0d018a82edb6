"""Bundles of honest logs verify, by both verifiers; what they cannot show, they do not claim."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.audit.exporting import Wanted
from domain.bundle.manifest import Filters
from domain.bundle.rows import data_of, type_of
from domain.events.base import type_name
from domain.events.registry import BY_KIND
from domain.ledger.entry import Draft
from domain.ledger.keys import VerifierKey, parse_vkey
from domain.ledger.raw import RawRow
from tests.attacks.bundle_damage import unpacked
from tests.support.bundles import ROOT_VKEY, HonestLog, a_log, bundle_bytes, check, write_bundle
from tests.support.logs import LOG_KEY, ORIGIN, OTHER_KEY
from tests.vectors.generate_bundle_vectors import vectors

LOG = a_log()
GOLDEN = Path(__file__).parents[1] / "vectors/bundle"


@pytest.mark.parametrize(
    ("start", "stop"), [(0, LOG.size), (0, 1), (LOG.size - 1, LOG.size), (10, 20), (7, 7), (0, 0), (LOG.size, LOG.size)]
)
def test_a_range_is_complete_with_its_neighbours(tmp_path: Path, start: int, stop: int) -> None:
    path = tmp_path / "bundle"
    coverage = write_bundle(LOG, path, Wanted(start, stop))
    found = check(path, LOG.vkey)
    assert found.verdict == "verified", found.ours.verdict.findings
    assert (coverage.first, coverage.last, coverage.count) == (start + 1, stop, stop - start)
    assert found.range["count"] == stop - start
    assert (found.range["after"] is None, found.range["before"] is None) == (start == 0, stop == LOG.size)
    neighbours = (start > 0) + (stop < LOG.size)
    assert found.ours.verdict.signatures_checked == stop - start + neighbours


def test_the_same_log_and_range_give_the_same_bytes() -> None:
    first, second = (bundle_bytes(a_log(), Wanted(5, 15)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("key", [VerifierKey(ORIGIN, LOG.log_key.public_key), LOG.vkey, ROOT_VKEY])
def test_every_key_of_the_log_leads_to_it(tmp_path: Path, key: VerifierKey) -> None:
    write_bundle(LOG, tmp_path / "bundle", Wanted(0, LOG.size))
    assert check(tmp_path / "bundle", key).verdict == "verified"


def test_without_a_key_or_with_a_strangers_nothing_is_verified(tmp_path: Path) -> None:
    write_bundle(LOG, tmp_path / "bundle", Wanted(0, 9))
    assert check(tmp_path / "bundle").verdict == "unchecked"
    assert check(tmp_path / "bundle", VerifierKey("other.example/log", LOG_KEY.public_key)).verdict == "unchecked"
    assert check(tmp_path / "bundle", VerifierKey(ORIGIN, OTHER_KEY.public_key)).verdict == "tampered"
    assert check(tmp_path / "bundle", VerifierKey(f"{ORIGIN}/root", OTHER_KEY.public_key)).verdict == "tampered"


def test_a_selection_shows_inclusion_and_says_so_everywhere(tmp_path: Path) -> None:
    path = tmp_path / "bundle"
    write_bundle(LOG, path, Wanted(0, LOG.size, Filters(actor="mallory", types=("ImageNamed",))))
    found = check(path, LOG.vkey)
    assert found.verdict == "verified"
    assert found.ours.proves == "inclusion"
    assert any("inclusion, not completeness" in text for text in found.ours.verdict.not_checked)
    assert any("inclusion, not completeness" in text for text in found.theirs["not_checked"])
    data = path.read_bytes()
    assert data.count(b"inclusion, not completeness") == 2  # the manifest and the report
    assert found.range["count"] == sum(b'"actor": "mallory"' in line for line in events(data))


def events(data: bytes) -> list[bytes]:
    return [line for line in data.split(b"\n") if line.startswith(b'{"position"') or b'\0{"position"' in line]


def test_a_selection_of_nothing_verifies_and_shows_nothing(tmp_path: Path) -> None:
    write_bundle(LOG, tmp_path / "bundle", Wanted(0, LOG.size, Filters(actor="nobody")))
    found = check(tmp_path / "bundle", LOG.vkey)
    assert (found.verdict, found.range["count"]) == ("verified", 0)


def test_earlier_checkpoints_are_followed_where_the_bundle_can(tmp_path: Path) -> None:
    path = tmp_path / "bundle"
    sizes = sorted(LOG.notes)
    anchor, inside, head = LOG.notes[sizes[0]], LOG.notes[sizes[2]], LOG.notes[sizes[-1]]
    write_bundle(LOG, path, Wanted(sizes[1], sizes[3], anchors=(anchor,)))
    for note in (anchor, inside, head):
        assert check(path, LOG.vkey, against=[note]).verdict == "verified"
    write_bundle(LOG, path, Wanted(sizes[2], sizes[3]))
    assert check(path, LOG.vkey, against=[anchor]).verdict == "unchecked"
    fork = HonestLog()
    fork.grow(11, actor="somebody else")
    fork.grow(LOG.size - fork.size)
    assert check(path, LOG.vkey, against=[fork.notes[LOG.size]]).verdict == "unchecked"  # not the key in force there
    young = HonestLog()
    young.grow(10)
    write_bundle(young, path, Wanted(0, young.size))
    other = HonestLog()
    other.grow(10, actor="somebody else")
    assert check(path, young.vkey, against=[other.notes[other.size]]).verdict == "tampered"


def test_events_under_a_revoked_key_are_not_verified_and_the_others_are(tmp_path: Path) -> None:
    log = HonestLog()
    log.grow(10)
    log.replace_event_key()
    log.revoke_former(8)
    log.grow(5)
    path = tmp_path / "bundle"
    write_bundle(log, path, Wanted(0, log.size))
    found = check(path, ROOT_VKEY)
    assert found.verdict == "unchecked"
    assert [finding.position for finding in found.ours.verdict.findings] == [9]
    write_bundle(log, path, Wanted(2, 7))
    assert check(path, ROOT_VKEY).verdict == "verified"
    write_bundle(log, path, Wanted(15, log.size))
    assert check(path, ROOT_VKEY).verdict == "verified"


STEPS = st.lists(
    st.sampled_from(["rotate_event_key", "rotate_log_key", "replace_event_key"]) | st.integers(1, 12), max_size=5
)


@settings(max_examples=150)
@given(STEPS, st.booleans(), st.data())
def test_no_honest_export_is_ever_doubted(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str | int], rooted: bool, data: st.DataObject
) -> None:
    log = HonestLog(rooted)
    for step in steps:
        if isinstance(step, int):
            log.grow(step, actor=data.draw(st.sampled_from(["root", "ann"])))
        elif rooted or step != "replace_event_key":
            getattr(log, step)()
    size = data.draw(st.sampled_from(sorted(log.notes)))
    start = data.draw(st.integers(0, size))
    stop = data.draw(st.integers(start, size))
    kinds = data.draw(st.sampled_from([Filters(), Filters(actor="ann"), Filters(types=("ImageNamed", "KeyRotated"))]))
    notes = [log.notes[n] for n in data.draw(st.sets(st.sampled_from(sorted(log.notes)))) if n <= size]
    path = tmp_path_factory.getbasetemp() / "honest"
    path.write_bytes(bundle_bytes(log, Wanted(start, stop, kinds, notes), size))
    keys = [log.vkey, *([ROOT_VKEY] if rooted else [])]
    assert check(path, data.draw(st.sampled_from(keys)), against=notes).verdict == "verified"


def test_types_follow_from_kinds() -> None:
    for kind, event in BY_KIND.items():
        assert type_of(kind) == type_name(event)


@pytest.mark.parametrize(
    "payload", [b"", b"\xc1", b"\x80", b"\x93\x01\x02\x03", b"\x81\x01\x02", b"\x81\xa1a\xcb\x7f\xf8" + bytes(6),
                b"\x81\xa1a\xd6\xff" + bytes(4), b"\x81\xa1a" + b"\x91" * 900 + b"\x90", b"\x81\xa1a\xa2\xff\xfe"],
)  # fmt: skip
def test_payloads_that_json_cannot_say_are_still_signed_and_shown(tmp_path: Path, payload: bytes) -> None:
    assert json.dumps(data_of(payload))
    log = HonestLog()
    log.add(Draft("x", "x.y", 1, payload))
    log.grow(3)
    write_bundle(log, tmp_path / "bundle", Wanted(0, log.size))
    assert check(tmp_path / "bundle", log.vkey).verdict == "verified"


@pytest.mark.parametrize("name", ["range.bundle", "selection.bundle"])
def test_golden_bundles_verify_and_are_written_the_same(name: str) -> None:
    golden = GOLDEN / name
    keys = json.loads((GOLDEN / "keys.json").read_text())
    for vkey in keys.values():
        assert check(golden, parse_vkey(vkey)).verdict == "verified"
    assert vectors()[name] == golden.read_bytes()


class Counting(HonestLog):
    """A log that counts what is read of it."""

    def __post_init__(self) -> None:
        self.read = self.hashed = 0
        super().__post_init__()

    def rows(self, start: int = 1, stop: int | None = None) -> Iterator[RawRow]:
        for row in super().rows(start, stop):
            self.read += 1
            yield row

    def hashes(self, row: int, start: int, stop: int) -> list[bytes]:
        self.hashed += (stop - start) * (row == 0)
        return super().hashes(row, start, stop)


def test_a_slice_costs_what_the_slice_costs(tmp_path: Path) -> None:
    """Records read, leaf hashes read, and the bundle's size do not grow with the log around the slice."""
    found = []
    for size in (1_000, 4_000):
        log = Counting(rooted=False)
        log.grow(size - log.size)
        log.read = log.hashed = 0
        write_bundle(log, tmp_path / "bundle", Wanted(700, 720))
        assert check(tmp_path / "bundle", log.vkey).ours.verdict.signatures_checked == 22
        proof = unpacked((tmp_path / "bundle").read_bytes())["proof"].split()
        assert len(proof) <= 2 * size.bit_length()
        found.append((log.read, (tmp_path / "bundle").stat().st_size, log.hashed))
    (read, small, hashed), (read_more, large, hashed_more) = found
    assert read_more == read <= 6 * 24
    assert large - small < 2_000
    assert hashed_more <= hashed + 2 * 256 <= 8 * 256
