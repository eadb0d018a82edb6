"""References as people write them, normalised as podman and skopeo do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import StoreError, Usage
from domain.references import ImageReference, TransportSource, parse_reference, parse_source

DIGEST = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    ("text", "normal", "name"),
    [
        ("quay.io/o/app:1", "quay.io/o/app:1", "quay.io/o/app:1"),
        ("quay.io/o/app", "quay.io/o/app:latest", "quay.io/o/app:latest"),
        ("localhost/app", "localhost/app:latest", "localhost/app:latest"),
        ("127.0.0.1:5000/app:x", "127.0.0.1:5000/app:x", "127.0.0.1:5000/app:x"),
        ("[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app:latest"),
        ("busybox", "docker.io/library/busybox:latest", "docker.io/library/busybox:latest"),
        ("o/app:2", "docker.io/o/app:2", "docker.io/o/app:2"),
        ("docker.io/busybox", "docker.io/library/busybox:latest", "docker.io/library/busybox:latest"),
        (f"quay.io/o/app@{DIGEST}", f"quay.io/o/app@{DIGEST}", None),
        (f"quay.io/o/app:1@{DIGEST}", f"quay.io/o/app:1@{DIGEST}", None),
    ],
)
def test_normal_form_and_name(text: str, normal: str, name: str | None) -> None:
    reference = parse_reference(text)
    assert str(reference) == normal
    assert reference.name == name
    assert parse_reference(str(reference)) == reference


@pytest.mark.parametrize(
    "text", ["", "-x", "--help", "a b", "UPPER", "a//b", "a:", "a@", "a@sha256:12", "a" * 256, "a\n", "../a"]
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(Usage):
        parse_reference(text)


def test_transports() -> None:
    assert parse_source("oci:/tmp/x:tag") == TransportSource("oci", "/tmp/x:tag")
    assert parse_source("docker://quay.io/o/app:1") == parse_reference("quay.io/o/app:1")
    assert isinstance(parse_source("docker:1"), ImageReference)
    assert str(parse_source("dir:/x")) == "dir:/x"


def test_pulled_by_digest_the_tag_is_left_behind() -> None:
    reference = parse_reference("quay.io/o/app:1").at(parse_reference(f"x@{DIGEST}").digest or pytest.fail("no digest"))
    assert str(reference) == f"quay.io/o/app@{DIGEST}"


@given(st.text())
def test_no_text_does_more_than_be_refused(text: str) -> None:
    try:
        source = parse_source(text)
    except StoreError:
        return
    assert not str(source).startswith("-")
    assert parse_source(str(source)) == source
