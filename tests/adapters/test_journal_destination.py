"""The journal's native protocol: what is written is read back, whatever the fields hold."""

import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.publishing.journal import JournalDestination, encoded
from domain.errors import Failed
from domain.ledger.checkpoint import Checkpoint, sign_checkpoint
from domain.ledger.submission import Submission
from tests.support.logs import LOG_KEY, ORIGIN

NAMES = st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ_", min_size=1, max_size=12)
MADE = Submission(0, (), sign_checkpoint(Checkpoint(ORIGIN, 3, bytes(32)), LOG_KEY))


def decoded(data: bytes) -> dict[str, str]:
    """As systemd-journald reads it (systemd.io, JOURNAL_NATIVE_PROTOCOL)."""
    found = {}
    while data:
        line, _, rest = data.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            length = int.from_bytes(rest[:8], "little")
            value, rest = rest[8 : 8 + length], rest[8 + length :]
            assert rest[:1] == b"\n"
            rest = rest[1:]
        found[name.decode()] = value.decode()
        data = rest
    return found


@given(st.dictionaries(NAMES, st.text(st.characters(exclude_categories=["Cs"]), max_size=60), max_size=6))
def test_every_field_is_read_back(fields: dict[str, str]) -> None:
    assert decoded(encoded(fields)) == fields


def test_a_checkpoint_arrives_whole(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "socket"))
        assert JournalDestination(tmp_path / "socket").publish(lambda _: MADE) == ()
        entry = decoded(listening.recv(65536))
    assert entry["STORECTL_CHECKPOINT"] == MADE.note
    assert (entry["STORECTL_SIZE"], entry["SYSLOG_IDENTIFIER"]) == ("3", "storectl")


def test_where_there_is_no_journal_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="journal cannot be reached"):
        JournalDestination(tmp_path / "nothing").publish(lambda _: MADE)
