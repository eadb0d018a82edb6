"""The ini syntax of quadlets, as podman's generator reads it."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput, StoreError
from domain.quadlet_files import Sections, parse_unit, shown, without_specifiers


def parse(*texts: str) -> Sections:
    return parse_unit((f"/unit{number}", text.encode()) for number, text in enumerate(texts))


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("[Container]\nImage=a\n", "a"),
        ("[Container]\nImage = a \n", "a"),
        ("\t[Container]  \r\n  Image=a\r\n", "a"),
        ("# [Image]\n; x\n\n[Container]\n#Image=b\nImage=a", "a"),
        ("[Container]\nImage=a#b ; c\n", "a#b ; c"),
        ("[Container]\nImage=a\nImage=b\n", "b"),
        ("[Container]\nImage=a\n[Unit]\nImage=b\n[Container]\nExec=x\n", "a"),
        ("[Container]\nImage=a\n[Container]\nImage=b\n", "b"),
        ("[Container]\nImage=a\nimage=b\nIMAGE=c\n", "a"),
        ("[container]\nImage=b\n[Container]\nImage=a\n", "a"),
        ('[Container]\nImage="a b"\n', "a b"),
        ('[Container]\nImage="a\n', '"a'),
        ("[Container]\nImage=a=b\n", "a=b"),
        ("[Container]\nImage=quay.io/\\\n  o/a\n", "quay.io/o/a"),
        ("[Container]\nImage=quay.io/\\\n# a comment \\\n\n;another\no/a\n", "quay.io/o/a"),
        ("[Container]\nIm\\\nage=a\n", "a"),
        ("[Container]\nImage=a\\", "a"),
        ("[Container]\nExec=x \\\n Image=b\nImage=a\n", "a"),
        ("[Container]\nImage=a\u2028Image=b\n", "a\u2028Image=b"),
    ],
)
def test_the_image_that_counts(text: str, image: str) -> None:
    assert parse(text)["Container"]["Image"] == image


@pytest.mark.parametrize("text", ["[Container]\nImage=\n", "[Container]\nImage=a\nImage=\n", "[Container]\n", ""])
def test_an_empty_assignment_resets(text: str) -> None:
    assert "Image" not in parse(text).get("Container", {})


def test_later_files_win_and_may_reset() -> None:
    assert parse("[Container]\nImage=a\n", "[Container]\nImage=b\n") == {"Container": {"Image": "b"}}
    assert parse("[Container]\nImage=a\n", "[Container]\nImage=\n") == {"Container": {}}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Image=a\n", "/unit0, line 1: Image stands before any section"),
        ("[Container]\n\nnonsense\n", "/unit0, line 3: neither"),
        ("[Container]\n=a\n", "line 2: neither"),
        ("[Container\n", "line 1: neither"),
        ("[Container] x\n", "line 1: neither"),
        ("[Container]\nwhat\\\never\n", "line 2: neither"),
    ],
)
def test_what_is_no_unit_file_is_told_with_its_line(text: str, says: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse(text)
    assert says in caught.value.message


def test_not_utf8_names_the_file_that_is_not() -> None:
    with pytest.raises(BadInput, match="/drop-in is not UTF-8"):
        parse_unit([("/unit", b"[Container]\n"), ("/drop-in", b"[Container]\nImage=\xff\n")])


@pytest.mark.parametrize(
    ("value", "plain"), [("a", "a"), ("a%%b", "a%b"), ("%%%%", "%%"), ("%%a%%", "%a%"), ("quay.io/%%i", "quay.io/%i")]
)
def test_a_doubled_percent_sign_is_one(value: str, plain: str) -> None:
    assert without_specifiers(value) == plain


@pytest.mark.parametrize(("value", "says"), [("a%i", "specifier %i"), ("%%%n", "specifier %n"), ("a%", "a lone %")])
def test_a_specifier_is_refused(value: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        without_specifiers(value)


@given(st.lists(st.binary(max_size=200), max_size=3))
def test_garbage_is_read_or_refused_and_nothing_else(contents: list[bytes]) -> None:
    with contextlib.suppress(StoreError):
        parse_unit([("/unit", data) for data in contents])


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1).filter(
    lambda word: word[0] not in '#;["' and "=" not in word and not word.endswith("\\")
)


@given(st.dictionaries(WORDS, WORDS, min_size=1))
def test_what_is_written_is_read_back(keys: dict[str, str]) -> None:
    text = "[S]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
    assert parse(text) == {"S": keys}


@given(st.text())
def test_what_is_shown_is_one_short_printable_line(text: str) -> None:
    assert shown(text).isprintable()
    assert len(shown(text)) <= 2100
