"""What others wrote verifies what this log writes: openssl, securesystemslib's DSSE, pymerkle."""

import base64
from pathlib import Path

import pymerkle
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer._key import SSlibKey
from securesystemslib.signer._signature import Signature

from adapters.event_log.reader import LogReader
from adapters.keys.key_files import create_key
from adapters.process import Runner
from domain.ledger.checkpoint import parse_note
from domain.ledger.record import PAYLOAD_TYPE, pae, read_record
from tests.support.logs import EVENT_KEY, LOG_KEY, new_log


@pytest.fixture
def records(tmp_path: Path) -> list[bytes]:
    path = tmp_path / "log.db"
    new_log(path, events=11).close()
    with LogReader(path) as reader:
        return [bytes(row.record) for row in reader.rows() if type(row.record) is bytes]


def pem(public_key: bytes) -> bytes:
    key = Ed25519PublicKey.from_public_bytes(public_key)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def openssl_accepts(directory: Path, public_key: bytes, signature: bytes, data: bytes) -> bool:
    for name, content in (("key.pem", pem(public_key)), ("signature", signature), ("data", data)):
        (directory / name).write_bytes(content)
    result = Runner().run(
        ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "key.pem", "-sigfile", "signature",
         "-in", "data"], cwd=directory, check=False,
    )  # fmt: skip
    return result.code == 0 and b"Signature Verified Successfully" in result.stdout


def test_openssl_accepts_every_event(tmp_path: Path, records: list[bytes]) -> None:
    for record in records:
        body, _, signature = read_record(record)
        assert openssl_accepts(tmp_path, EVENT_KEY.public_key, signature, pae(body))
    assert not openssl_accepts(tmp_path, EVENT_KEY.public_key, signature, pae(body + b"x"))


def test_openssl_accepts_the_checkpoint(tmp_path: Path, records: list[bytes]) -> None:
    with LogReader(tmp_path / "log.db") as reader:
        note = parse_note(reader.head().checkpoint)
    signature = note.signatures[0].signature
    assert openssl_accepts(tmp_path, LOG_KEY.public_key, signature, note.text.encode())
    assert not openssl_accepts(tmp_path, EVENT_KEY.public_key, signature, note.text.encode())


def test_openssl_reads_the_key_files(tmp_path: Path) -> None:
    signer = create_key(tmp_path / "keys" / "log.key")
    result = Runner().run(["openssl", "pkey", "-in", tmp_path / "keys" / "log.key", "-pubout"])
    assert result.stdout == pem(signer.public_key)


def test_securesystemslib_accepts_an_event_as_a_dsse_envelope(records: list[bytes]) -> None:
    body, key_id, signature = read_record(records[4])
    key = SSlibKey(key_id.hex(), "ed25519", "ed25519", {"public": EVENT_KEY.public_key.hex()})
    assert Envelope.from_dict({
        "payload": base64.b64encode(body).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": key_id.hex(), "sig": base64.b64encode(signature).decode()}],
    }).verify([key], 1)  # fmt: skip
    other = Envelope(body, "application/json", {key_id.hex(): Signature(key_id.hex(), signature.hex())})
    with pytest.raises(VerificationError):
        other.verify([key], 1)


def test_pymerkle_gives_the_root_of_the_log(tmp_path: Path, records: list[bytes]) -> None:
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for record in records:
        tree.append_entry(record)
    with LogReader(tmp_path / "log.db") as reader:
        assert reader.head().root_hash == tree.get_root()
