"""Kernel arguments: what may be written into a boot loader entry, and what is read back."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Usage
from domain.kernel_arguments import parse_karg, split_kargs

GOOD = ["quiet", "root=LABEL=x", "console=ttyS0,115200n8", 'dyndbg="file a.c +p"', "a=", "-x", "a.b=c", "ü=1", 'a="x"y']


@pytest.mark.parametrize("text", GOOD)
def test_what_the_kernel_understands_is_taken_as_it_is(text: str) -> None:
    assert parse_karg(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "=",
        "=x",
        "a b",
        "a\tb",
        "a=b\n",
        "a\nlinux /other",
        "a=\x07",
        'a="x',
        'a=x"y z',
        'a="x\ny"',
        "a=\u2028",
    ],
)
def test_what_would_damage_the_entry_is_refused(text: str) -> None:
    with pytest.raises(Usage, match="not a kernel argument"):
        parse_karg(text)


@pytest.mark.parametrize("text", ["ostree", "ostree=/ostree/boot.1/os/x/0"])
def test_the_argument_that_is_ostrees_own_is_refused(text: str) -> None:
    with pytest.raises(Usage, match="to set"):
        parse_karg(text)


def test_what_cannot_be_an_argument_is_told_short_and_printable() -> None:
    with pytest.raises(Usage) as caught:
        parse_karg("\x1b[31m" * 1000)
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 500


@given(st.lists(st.sampled_from(GOOD) | st.text('ab= ="', max_size=6)))
def test_arguments_survive_the_line(words: list[str]) -> None:
    kargs = []
    for word in words:
        try:
            kargs.append(parse_karg(word))
        except Usage:
            continue
    assert split_kargs("  ".join(kargs)) == tuple(kargs)


@given(st.text())
def test_any_line_is_read_and_any_text_judged(text: str) -> None:
    assert "".join("".join(split_kargs(text)).split()) == "".join(text.split())
    with contextlib.suppress(Usage):
        assert parse_karg(text) == text
