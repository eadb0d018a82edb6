"""C2SP tlog-policy and tlog-cosignature: what quorum a checkpoint has."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.keys import ed25519
from adapters.keys.key_files import KeySigner
from domain.errors import BadInput, StoreError, Unchecked
from domain.ledger.checkpoint import Checkpoint, Note, parse_note, sign_checkpoint
from domain.ledger.cosignature import WitnessKey, cosign, cosigned_at, parse_witness_vkey
from domain.ledger.policy import parse_policy
from domain.ledger.submission import Submission, parse_submission, read_history
from tests.support.logs import LOG_KEY, ORIGIN, VKEY

SIGNERS = [KeySigner.from_seed(bytes([60 + number]) * 32) for number in range(6)]
WITNESSES = [WitnessKey(f"witness.example/w{number}", signer.public_key) for number, signer in enumerate(SIGNERS)]
NOTE = sign_checkpoint(Checkpoint(ORIGIN, 7, b"r" * 32), LOG_KEY)
# The example of the specification, with keys.
POLICY = "\n".join(
    [
        f"log {VKEY} https://log.example/", "", "  # two organisations",
        *(f"witness\tX{n} {WITNESSES[n]}" for n in range(3)), "group X-witnesses 2 X0 X1 X2",
        *(f"witness Y{n} {WITNESSES[3 + n]} https://w{n}.example" for n in range(3)), "group Y-witnesses any Y0 Y1 Y2",
        "group X-and-Y all X-witnesses Y-witnesses", "quorum X-and-Y", "",
    ]
)  # fmt: skip


def cosigned(*numbers: int, time_s: int = 1_679_315_147) -> str:
    parsed = parse_note(NOTE)
    lines = (cosign(parsed.text, WITNESSES[number], SIGNERS[number], time_s) for number in numbers)
    return str(Note(parsed.text, (*parsed.signatures, *lines)))


@pytest.mark.parametrize(
    ("who", "enough"),
    [((), False), ((0, 1), False), ((3, 4, 5), False), ((0, 3), False), ((0, 2, 5), True), ((0, 1, 2, 3), True)],
)
def test_the_quorum_of_the_specifications_example(who: tuple[int, ...], enough: bool) -> None:
    policy = parse_policy(POLICY.encode())
    assert policy.logs == (VKEY,)
    assert policy.urls["Y1"] == "https://w1.example"
    assert policy.witnessed(cosigned(*who), ed25519.verify) is enough


def test_a_cosignature_is_of_one_text_one_time_and_one_key() -> None:
    parsed = parse_note(cosigned(0))
    assert cosigned_at(parsed, WITNESSES[0], ed25519.verify) == 1_679_315_147
    assert cosigned_at(parsed, WITNESSES[1], ed25519.verify) is None
    line = parsed.signatures[-1]
    for at in range(len(line.signature)):
        flipped = bytearray(line.signature)
        flipped[at] ^= 1
        changed = Note(parsed.text, (type(line)(line.name, line.key_id, bytes(flipped)),))
        assert cosigned_at(changed, WITNESSES[0], ed25519.verify) is None
    assert cosigned_at(Note(parsed.text.replace("7", "8"), (line,)), WITNESSES[0], ed25519.verify) is None


def test_the_signed_text_is_that_of_the_specification() -> None:
    signed: list[bytes] = []

    class Recorder:
        public_key = SIGNERS[0].public_key

        def sign(self, data: bytes) -> bytes:
            signed.append(data)
            return bytes(64)

    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    cosign(text, WITNESSES[0], Recorder(), 1_679_315_147)
    assert signed == [f"cosignature/v1\ntime 1679315147\n{text}".encode()]


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("", "no quorum"), ("quorum none\nquorum none", "second quorum"), ("quorum w", "not defined"),
        ("group g all w\nquorum g", "not defined"), ("witness none {0}\nquorum none", "taken"),
        ("witness a {0}\nwitness a {1}\nquorum a", "taken"), ("witness a {0}\nwitness b {0}\nquorum a", "same key"),
        ("witness a {0}\ngroup g 2 a\nquorum g", "cannot want"),
        ("witness a {0}\ngroup g 0 a\nquorum g", "cannot want"),
        ("witness a {0}\ngroup g any a\ngroup h any a\nquorum g", "a member"), ("group g any\nquorum none", "line 1"),
        ("group g any g\nquorum g", "not defined"), ("witness a {0}\ngroup g any none\nquorum g", "not defined"),
        ("log {2}\nlog {2}\nquorum none", "same key"), ("unknown line\nquorum none", "line 1"), ("quorum", "line 1"),
        ("witness a {0}\ngroup g 01 a\nquorum g", "cannot want"), ("quorum none\r", "control"),
    ],
)  # fmt: skip
def test_a_policy_that_breaks_a_rule_is_refused_with_its_line(lines: str, problem: str) -> None:
    with pytest.raises(BadInput, match=problem):
        parse_policy(lines.format(WITNESSES[0], WITNESSES[1], VKEY).encode())


def test_names_are_octets_and_keys_that_cannot_be_checked_are_not_passed_over() -> None:
    policy = f"witness K {WITNESSES[0]}\n".encode() + f"witness \xff {WITNESSES[1]}\nquorum \xff\n".encode("latin-1")
    assert parse_policy(policy).witnessed(cosigned(1), ed25519.verify)
    assert not parse_policy(policy).witnessed(cosigned(0), ed25519.verify)
    with pytest.raises(Unchecked, match="ML-DSA-44"):
        parse_policy(b"witness w w.example+0a0b0c0d+BhpcQcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW0\nquorum w\n")


@given(st.binary(max_size=400) | st.text(alphabet="log witnesgrupam0123 \t\n#+/" + str(VKEY)).map(str.encode))
def test_no_policy_makes_it_crash(data: bytes) -> None:
    try:
        policy = parse_policy(data)
    except StoreError:
        return
    policy.witnessed(NOTE, ed25519.verify)


@given(st.text(max_size=200) | st.text(alphabet=str(WITNESSES[0])))
def test_no_witness_key_makes_it_crash(text: str) -> None:
    with contextlib.suppress(StoreError):
        assert str(parse_witness_vkey(text)) == text


HASHES = st.lists(st.binary(min_size=32, max_size=32), max_size=63).map(tuple)


@given(st.integers(0, 7), HASHES)
def test_a_submission_is_read_as_it_was_written(old: int, hashes: tuple[bytes, ...]) -> None:
    made = Submission(old, hashes, NOTE)
    assert parse_submission(str(made)) == made
    assert list(read_history(str(made) * 3)) == [made] * 3


@given(
    st.text(max_size=300) | st.builds(lambda a, b: str(Submission(0, (), NOTE))[:a] + b, st.integers(0, 200), st.text())
)
def test_no_submission_and_no_history_makes_it_crash(text: str) -> None:
    for read in (parse_submission, lambda each: list(read_history(each))):
        with contextlib.suppress(StoreError):
            read(text)
