"""A backup's records: parse and format are each other's reverse, and nothing but what was written is taken."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.backups import (
    ArchivedImage,
    Generation,
    Lacking,
    Piece,
    format_generation,
    format_index,
    original_of,
    parse_generation,
    piece_of,
    uncompressed_manifest,
)
from domain.errors import BadInput, StoreError, UnknownFormat
from domain.manifests import ImageManifest, parse_manifest
from domain.values import Commit, Digest, ImageId

HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
DIGESTS = HEX.map(lambda text: Digest(f"sha256:{text}"))
PIECES = st.builds(Piece, DIGESTS, st.integers(0, 2**62))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
IMAGES = st.builds(ArchivedImage, HEX.map(ImageId), DIGESTS, PIECES, st.lists(PIECES, max_size=3).map(tuple))
GENERATIONS = st.builds(
    Generation, st.integers(1, 10**6), TEXT, TEXT, TEXT, TEXT, st.integers(0, 2**62), TEXT, st.booleans(),
    st.dictionaries(TEXT, PIECES, max_size=3), st.lists(IMAGES, max_size=2).map(tuple),
    st.lists(HEX.map(Commit), max_size=2).map(tuple), st.lists(st.builds(Lacking, TEXT, TEXT), max_size=2).map(tuple),
)  # fmt: skip


@given(GENERATIONS)
def test_what_was_formatted_is_parsed_as_it_was(generation: Generation) -> None:
    assert parse_generation(format_generation(generation)) == generation


@given(GENERATIONS, st.data())
def test_a_changed_byte_is_refused_or_another_record(generation: Generation, data: st.DataObject) -> None:
    whole = bytearray(format_generation(generation))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    try:
        parsed = parse_generation(bytes(whole))
    except StoreError:
        return
    assert parsed != generation
    assert format_generation(parsed) == bytes(whole), "one encoding of each value"


@given(st.binary(max_size=200) | st.recursive(st.none() | st.integers() | TEXT, lambda inner: st.lists(inner) | (
    st.dictionaries(st.sampled_from(["format", "number", "files", "images", "commits", "lacking"]), inner)
)).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_nothing_that_lies_there_is_a_crash(data: bytes) -> None:
    with pytest.raises((BadInput, UnknownFormat)):
        parse_generation(data)


def test_a_later_format_is_not_understood() -> None:
    with pytest.raises(UnknownFormat):
        parse_generation(b'{"format": "storectl-backup/2"}')


@given(PIECES, st.lists(PIECES, max_size=3), DIGESTS)
def test_the_layouts_manifest_is_an_oci_image_and_names_the_original(
    config: Piece, layers: list[Piece], original: Digest
) -> None:
    data = uncompressed_manifest(config, layers, original)
    parsed = parse_manifest(data)
    assert isinstance(parsed, ImageManifest)
    assert parsed.config == config.digest
    assert [(blob.digest, blob.bytes) for blob in parsed.layers] == [(each.digest, each.bytes) for each in layers]
    assert original_of(data) == original


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"annotations": None}, {"annotations": {"storectl.original-manifest": 1}},
     {"annotations": {"storectl.original-manifest": "sha256:short"}}],
)  # fmt: skip
def test_any_other_manifest_names_none(document: Any) -> None:
    assert original_of(json.dumps(document).encode()) is None
    assert original_of(b"\xff") is None


@given(st.lists(IMAGES, max_size=4))
def test_the_index_lists_each_image_once_whatever_the_order(images: list[ArchivedImage]) -> None:
    listed = json.loads(format_index(images))["manifests"]
    names = [entry["annotations"]["org.opencontainers.image.ref.name"] for entry in listed]
    assert names == sorted({image.id for image in images})


def test_a_piece_is_what_sha256sum_says() -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert piece_of(b"") == Piece(Digest(f"sha256:{empty}"), 0)
