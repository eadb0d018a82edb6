"""What a root file system binds: the quadlets that its `usr/lib/bootc/bound-images.d` points to.

As bootc reads them (its documentation, "Logically bound images"), and beyond: drop-ins, and `Image=name.image`, which
means the image of another quadlet.
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from domain.errors import BadInput, NotFound, StoreError, Usage
from domain.quadlet_files import shown, without_specifiers
from domain.quadlet_units import Units
from domain.references import ImageReference, parse_source
from domain.root_paths import Place, follow
from domain.roots import RootTree

BOUND_IMAGES = "/usr/lib/bootc/bound-images.d"
_SECTIONS = {".image": "Image", ".container": "Container"}
_IMAGE_ID = re.compile(r"(?:sha256:)?[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class BoundImage:
    """`file` is the name in bound-images.d, `text` the image as its quadlet writes it (with `%%` undone).

    `image_tag` is the name that a container looks the image up by, where that is another one (`ImageTag=` of the
    `.image` unit that it refers to).
    """

    file: str
    text: str
    reference: ImageReference
    image_tag: str | None = None


def bound_images(tree: RootTree) -> tuple[BoundImage, ...]:
    """Everything that the root binds, by file name.

    Raises BadInput, naming each file that is wrong and what is wrong with it; what `tree` raises if it cannot be read.
    """
    found, problems = scan(tree)
    if problems:
        raise BadInput("; ".join(problems), hint="what cannot be read cannot be bound: correct the root file system")
    return found


def scan(tree: RootTree) -> tuple[tuple[BoundImage, ...], tuple[str, ...]]:
    """What can be read, and what is wrong with the rest: one bad link must not hide the others.

    Only what is wrong with the content is a problem. A tree that cannot be read at all raises what it raises: taken for
    one that binds nothing, it would lose its images.
    """
    found: list[BoundImage] = []
    problems: list[str] = []
    units = Units(tree)
    try:
        entries = list(_entries(tree))
    except (BadInput, NotFound) as error:
        return (), (error.message,)
    for path in entries:
        name = posixpath.basename(path)
        try:
            found.append(_bound(units, name, path))
        except (BadInput, NotFound, Usage) as error:
            problems.append(f"{BOUND_IMAGES}/{shown(name)}: {_told(error)}")
    return tuple(found), tuple(problems)


def _told(error: StoreError) -> str:
    return shown(error.message) if len(error.message) > 1000 else error.message


def _entries(tree: RootTree) -> Iterator[str]:
    place = follow(tree, BOUND_IMAGES)
    if place.kind is None and not place.links:
        return
    if place.kind != "directory":
        raise BadInput(f"{BOUND_IMAGES} is not a directory", hint="it holds links to .image and .container files")
    for name in tree.names(place.path):
        yield f"{place.path.rstrip('/')}/{name}"


def _bound(units: Units, name: str, path: str) -> BoundImage:
    """One entry, with the errors that bootc has for it, and those of what is read beyond it."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise BadInput("its name is not UTF-8") from None
    if units.tree.kind(path) != "symlink":
        raise BadInput("not a symbolic link")
    place = follow(units.tree, path)
    if place.kind != "file":
        target = shown(units.tree.readlink(path))
        problem = "which leads nowhere" if place.kind is None else f"which is no file but a {place.kind}"
        raise BadInput(f"a link to {target}, {problem}")
    # The link's own name decides, as in bootc, whatever the file behind it is called.
    section = _SECTIONS.get(posixpath.splitext(name)[1])
    if section is None:
        raise BadInput("neither a .image nor a .container")
    text = _image(units, place, section)
    if section == "Container" and "/" not in text and text.endswith((".image", ".build")):
        return _through_unit(units, name, place, text)
    return BoundImage(name, text, _reference(text))


def _through_unit(units: Units, name: str, container: Place, unit: str) -> BoundImage:
    """The image of the `.image` unit that a container refers to."""
    if unit.endswith(".build"):
        raise BadInput(f"Image={shown(unit)} is built on the machine: only what a registry serves can be bound")
    place = units.find(unit, container)
    if place is None:
        where = ", ".join(units.directories)
        raise BadInput(f"Image={shown(unit)} is no unit in {where}, nor next to {shown(container.path)}")
    text = _image(units, place, "Image")
    tag = units.read(place).get("Image", {}).get("ImageTag")
    return BoundImage(name, text, _reference(text), without_specifiers(tag) if tag else None)


def _image(units: Units, place: Place, section: str) -> str:
    keys = units.read(place).get(section, {})
    if section == "Image" and "AuthFile" in keys:
        raise BadInput(
            f"{shown(place.path)} sets AuthFile, which a bound image cannot have", hint="use /etc/ostree/auth.json"
        )
    if "Image" not in keys:
        raise BadInput(f"{shown(place.path)} has no Image in its section [{section}]")
    return without_specifiers(keys["Image"])


def _reference(text: str) -> ImageReference:
    if _IMAGE_ID.fullmatch(text):
        raise BadInput(f"Image={text} is an image's id: only a name can be pulled")
    try:
        source = parse_source(text)
    except Usage as error:
        raise BadInput(f"Image={shown(text)} is not an image reference", hint=error.hint) from None
    if not isinstance(source, ImageReference):
        raise BadInput(f"Image={shown(text)} is not in a registry: only what a registry serves can be bound")
    return source
