"""Names are parsed into types, or refused with a hint."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import StoreError, Usage
from domain.values import parse_deployment, parse_digest, parse_hex64, parse_stateroot, short

HEX = "ab" * 32


def test_a_deployment_name_is_taken_apart_and_put_together() -> None:
    text = f"fedora-core-{HEX}.12"
    name = parse_deployment(text)
    assert (name.stateroot, name.commit, name.serial) == ("fedora-core", HEX, 12)
    assert name.id == text


@pytest.mark.parametrize(
    "text", ["", "os", f"os-{HEX}", f"os-{HEX}.01", f"os-{HEX[:-1]}.0", f"../os-{HEX}.0", f"-os-{HEX}.0"]
)
def test_what_is_no_deployment_is_refused(text: str) -> None:
    with pytest.raises(Usage):
        parse_deployment(text)


@pytest.mark.parametrize("text", ["", "-rf", ".", "..", "a/b", "a b", "a\n"])
def test_a_stateroot_is_one_safe_path_component(text: str) -> None:
    with pytest.raises(Usage):
        parse_stateroot(text)


@pytest.mark.parametrize("text", [HEX, f"sha512:{HEX}", f"sha256:{HEX.upper()}", f"sha256:{HEX}\n"])
def test_a_digest_has_one_form(text: str) -> None:
    with pytest.raises(Usage):
        parse_digest(text)


@given(st.text())
def test_no_text_does_more_than_be_refused(text: str) -> None:
    for parse in (parse_deployment, parse_digest, parse_stateroot, lambda t: parse_hex64(t, "an id")):
        try:
            parse(text)
        except StoreError:
            continue


def test_short_keeps_what_tells_deployments_apart() -> None:
    assert short(f"sha256:{HEX}") == HEX[:12]
    assert short(f"my-os-{HEX}.3") == f"my-os-{HEX[:12]}.3"
