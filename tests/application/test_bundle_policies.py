"""Bundles under a policy: log keys and a quorum of witnesses, as both verifiers read it."""

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.keys.key_files import KeySigner
from application.audit.exporting import Wanted, anchors
from domain.errors import StoreError
from domain.ledger.checkpoint import parse_note
from domain.ledger.cosignature import WitnessKey, cosign
from domain.ledger.policy import parse_policy
from storectl import verify_bundle
from tests.support.bundles import a_log, check, write_bundle

LOG = a_log(24)
SIZES = sorted(LOG.notes)
SIGNERS = [KeySigner.from_seed(bytes([200 + number]) * 32) for number in range(3)]
WITNESSES = [WitnessKey(f"w{number}.example", signer.public_key) for number, signer in enumerate(SIGNERS)]
LINES = [f"witness w{number} {key}" for number, key in enumerate(WITNESSES)]


def policy(*lines: str) -> str:
    return "\n".join([f"log {LOG.vkey}", *LINES, *lines]) + "\n"


def witnessed(note: str, *numbers: int) -> str:
    """The note with these witnesses' cosignatures."""
    text = parse_note(note).text
    return note + "".join(str(cosign(text, WITNESSES[number], SIGNERS[number], 1_764_000_000)) for number in numbers)


@pytest.mark.parametrize(
    ("lines", "verdict"),
    [
        (["quorum none"], "verified"),
        (["quorum w0"], "verified"),
        (["quorum w2"], "unchecked"),
        (["group two 2 w0 w1", "quorum two"], "verified"),
        (["group all all w0 w1 w2", "quorum all"], "unchecked"),
        (["group any any w1 w2", "group both all w0 any", "quorum both"], "verified"),
    ],
)
def test_the_quorum_is_asked_of_a_checkpoint_that_covers_the_events(
    tmp_path: Path, lines: list[str], verdict: str
) -> None:
    path = tmp_path / "bundle"
    late = witnessed(LOG.notes[SIZES[-2]], 0, 1)
    write_bundle(LOG, path, Wanted(4, SIZES[-2] - 2, anchors=[late]))
    assert check(path, policy=policy(*lines)).verdict == verdict


def test_what_was_witnessed_before_the_events_says_nothing_of_them(tmp_path: Path) -> None:
    path = tmp_path / "bundle"
    early = witnessed(LOG.notes[SIZES[1]], 0, 1, 2)
    write_bundle(LOG, path, Wanted(4, SIZES[1] + 3, anchors=[early]))
    assert check(path, policy=policy("quorum w0")).verdict == "unchecked"
    assert check(path, policy=policy("quorum none")).verdict == "verified"


def test_a_cosignature_stripped_or_of_another_checkpoint_is_none(tmp_path: Path) -> None:
    path = tmp_path / "bundle"
    note = LOG.notes[SIZES[-1]]
    other = parse_note(witnessed(LOG.notes[SIZES[-2]], 0)).signatures[-1]
    for wrong in (note, f"{note}{other}", witnessed(note, 1).replace("w1.example", "w0.example")):
        write_bundle(LOG, path, Wanted(4, 9, anchors=[wrong]))
        assert check(path, policy=policy("quorum w0")).verdict == "unchecked"


def test_a_policy_without_this_log_checks_nothing(tmp_path: Path) -> None:
    path = tmp_path / "bundle"
    write_bundle(LOG, path, Wanted(4, 9))
    assert check(path, policy="quorum none\n").verdict == "unchecked"
    assert check(path, LOG.vkey, policy="quorum none\n").verdict == "verified"
    other = verify_bundle.key_id("other.example", bytes(32)).hex()
    line = f"log other.example+{other}+{base64.b64encode(bytes([1]) + bytes(32)).decode()}\nquorum none\n"
    assert check(path, policy=line).verdict == "unchecked"


WORDS = st.sampled_from(
    ["log", "witness", "group", "quorum", "none", "any", "all", "1", "2", "03", "w0", "w1", "x", "g", "#", "", "\t",
     str(LOG.vkey), *map(str, WITNESSES), "https://w.example/"],
)  # fmt: skip


@given(st.lists(st.lists(WORDS, max_size=5).map(" ".join), max_size=6).map("\n".join) | st.text(max_size=40))
def test_both_read_the_same_policies(text: str) -> None:
    for whole in (text, f"{policy()}{text}", f"{policy('group g any w0 w1', 'quorum g')}{text}"):
        data = whole.encode("utf-8", "surrogatepass")
        try:
            ours = parse_policy(data)
        except StoreError:
            with pytest.raises(ValueError, match=r"polic|verifier key|witness"):
                verify_bundle.parse_policy(data)
            continue
        theirs = verify_bundle.parse_policy(data)
        assert ours.quorum == theirs.quorum
        assert {name: (group.least, list(group.members)) for name, group in ours.groups.items()} == theirs.groups


def test_published_checkpoints_are_chosen_by_where_the_range_lies() -> None:
    notes = [LOG.notes[size] for size in SIZES]
    chosen = anchors(notes, SIZES[2], SIZES[4] + 1, LOG.size)
    assert chosen == [notes[2], notes[3], notes[4], notes[5], notes[-1]]
    assert anchors(notes, 0, 1, 2) == []
