"""What a root binds: every case that bootc has, and what goes beyond it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import BadInput, Failed, StoreError
from domain.quadlets import BOUND_IMAGES, bound_images, scan
from domain.roots import FileType
from tests.fakes.root_tree import FakeRootTree

UNITS = "/usr/share/containers/systemd"
DIGEST = "sha256:" + "ab" * 32


def root(
    quadlets: dict[str, str], links: dict[str, str] | None = None, more: dict[str, str] | None = None
) -> FakeRootTree:
    """Each quadlet bound by a link of its own name; `links`: further names in bound-images.d."""
    files = {f"{UNITS}/{name}": text for name, text in quadlets.items()}
    bound = {f"{BOUND_IMAGES}/{name}": f"{UNITS}/{name}" for name in quadlets if not name.startswith("unbound")}
    return FakeRootTree(
        files | (more or {}), bound | {f"{BOUND_IMAGES}/{name}": to for name, to in (links or {}).items()}
    )


def texts(tree: FakeRootTree) -> dict[str, str]:
    return {item.file: item.text for item in bound_images(tree)}


def problem(tree: FakeRootTree) -> str:
    with pytest.raises(BadInput) as caught:
        bound_images(tree)
    assert caught.value.hint
    return caught.value.message


@pytest.mark.parametrize("tree", [FakeRootTree(), FakeRootTree(directories=[BOUND_IMAGES])])
def test_no_folder_and_an_empty_one_bind_nothing(tree: FakeRootTree) -> None:
    assert bound_images(tree) == ()
    assert scan(tree) == ((), ())


def test_containers_and_images_in_the_order_of_their_names() -> None:
    tree = root({"b.container": "[Container]\nImage=quay.io/b\n", "a.image": f"[Image]\nImage=quay.io/a:1@{DIGEST}\n"})
    first, second = bound_images(tree)
    assert (first.file, first.text, first.reference.digest) == ("a.image", f"quay.io/a:1@{DIGEST}", DIGEST)
    assert (second.file, second.text, second.reference.name) == ("b.container", "quay.io/b", "quay.io/b:latest")


@pytest.mark.parametrize("target", [f"{UNITS}/x.image", "../../../share/containers/systemd/x.image", "/l/x.image"])
def test_links_are_resolved_inside_the_root_however_they_are_written(target: str) -> None:
    tree = FakeRootTree(
        {f"{UNITS}/x.image": "[Image]\nImage=quay.io/x\n"},
        {f"{BOUND_IMAGES}/x.image": target, "/l": f"../../..{UNITS}"},
    )
    assert texts(tree) == {"x.image": "quay.io/x"}


def test_the_name_of_the_link_decides_what_is_read_not_that_of_the_file() -> None:
    text = "[Container]\nImage=quay.io/container\n[Image]\nImage=quay.io/image\n"
    tree = root({"unbound.txt": text}, {"a.container": f"{UNITS}/unbound.txt", "b.image": f"{UNITS}/unbound.txt"})
    assert texts(tree) == {"a.container": "quay.io/container", "b.image": "quay.io/image"}


GOOD = "[Image]\nImage=quay.io/x\n"


@pytest.mark.parametrize(
    ("tree", "name", "reason"),
    [
        (FakeRootTree({f"{BOUND_IMAGES}/x.image": GOOD}), "x.image", "not a symbolic link"),
        (FakeRootTree(directories=[f"{BOUND_IMAGES}/x.image"]), "x.image", "not a symbolic link"),
        (root({}, {"x.image": "/gone"}), "x.image", "a link to /gone, which leads nowhere"),
        (root({}, {"x.image": "x.image"}), "x.image", "too many levels"),
        (root({}, {"x.image": "/usr"}), "x.image", "which is no file but a directory"),
        (root({}, {"\udcff.image": "/usr"}), r"'\udcff.image'", "not UTF-8"),
        (root({"unbound.image": GOOD}, {"x.txt": f"{UNITS}/unbound.image"}), "x.txt", "neither a .image nor"),
        (root({"unbound.image": GOOD}, {".image": f"{UNITS}/unbound.image"}), ".image", "neither a .image nor"),
        (root({"x.image": "[Image]\nImage=\udcff\n"}), "x.image", "not UTF-8"),
        (root({"x.image": "[Container]\nImage=quay.io/x\n"}), "x.image", "no Image in its section [Image]"),
        (root({"x.container": "[Image]\nImage=quay.io/x\n"}), "x.container", "no Image in its section [Container]"),
        (root({"x.image": "[Image]\nImage=\n"}), "x.image", "no Image in its section"),
        (root({"x.image": "[Image]\nimage=quay.io/x\n"}), "x.image", "no Image in its section"),
        (root({"x.image": GOOD + "AuthFile=/a\n"}), "x.image", "sets AuthFile"),
        (root({"x.image": "[Image]\nImage=quay.io/x:%v\n"}), "x.image", "the specifier %v"),
        (root({"x.image": "[Image]\nImage=quay.io/x%\n"}), "x.image", "a lone %"),
        (root({"x.image": "[Image]\nImage=quay.io/%%x\n"}), "x.image", "Image=quay.io/%x is not an image reference"),
        (root({"x.image": "[Image]\nImage=quay.io/UPPER\n"}), "x.image", "not an image reference"),
        (root({"x.image": "[Image]\nImage=--help\n"}), "x.image", "not an image reference"),
        (root({"x.image": "[Image]\nImage=docker-archive:/x.tar\n"}), "x.image", "not in a registry"),
        (root({"x.container": f"[Container]\nImage={'ab' * 32}\n"}), "x.container", "an image's id"),
        (root({"x.container": "[Container]\nImage=y.build\n"}), "x.container", "built on the machine"),
        (root({"x.container": "[Container]\nImage=y.image\n"}), "x.container", "no unit in"),
        (root({"x.image": "nonsense"}), "x.image", "line 1"),
        (root({"x.image": "[Image]\nImage=" + "x" * 2**20}), "x.image", "more than 1048576 bytes"),
    ],
)
def test_every_error_names_the_file_and_the_reason(tree: FakeRootTree, name: str, reason: str) -> None:
    message = problem(tree)
    assert message.startswith(f"{BOUND_IMAGES}/{name}: ")
    assert reason in message


@pytest.mark.parametrize("tree", [FakeRootTree({BOUND_IMAGES: ""}), FakeRootTree(links={BOUND_IMAGES: "/gone"})])
def test_bound_images_d_that_is_no_directory(tree: FakeRootTree) -> None:
    assert problem(tree) == f"{BOUND_IMAGES} is not a directory"


def test_a_transport_that_is_the_registrys_is_the_reference_itself() -> None:
    assert bound_images(root({"x.image": "[Image]\nImage=docker://quay.io/x:1\n"}))[0].reference.name == "quay.io/x:1"


def test_an_empty_auth_file_is_none() -> None:
    assert texts(root({"x.image": GOOD + "AuthFile=/a\nAuthFile=\n"})) == {"x.image": "quay.io/x"}


def test_drop_ins_change_what_is_bound_and_may_spoil_it() -> None:
    quadlets = {"x.container": "[Container]\nImage=quay.io/old\n", "x.image": GOOD}
    drop_in = {f"{UNITS}/x.container.d/a.conf": "[Container]\nImage=quay.io/new\n"}
    assert texts(root(quadlets, more=drop_in))["x.container"] == "quay.io/new"
    spoilt = {f"{UNITS}/image.d/a.conf": "[Image]\nAuthFile=/a\n"}
    assert "x.image: " in problem(root(quadlets, more=spoilt))


def test_a_container_may_name_an_image_unit() -> None:
    tree = root({
        "x.container": "[Container]\nImage=unbound-y.image\n", "unbound-y.image": "[Image]\nImage=quay.io/y:1\n",
    })  # fmt: skip
    assert texts(tree) == {"x.container": "quay.io/y:1"}
    changed = root(
        {"x.container": "[Container]\nImage=unbound-y.image\n", "unbound-y.image": "[Image]\nImage=quay.io/y:1\n"},
        more={f"{UNITS}/unbound-y.image.d/a.conf": "[Image]\nImage=quay.io/y:2\nImageTag=localhost/y:now\n"},
    )
    (item,) = bound_images(changed)
    assert (item.text, item.image_tag) == ("quay.io/y:2", "localhost/y:now")


def test_an_image_unit_that_is_referred_to_has_bootcs_errors_too() -> None:
    tree = root({"x.container": "[Container]\nImage=unbound.image\n", "unbound.image": GOOD + "AuthFile=/a\n"})
    assert "x.container: " in problem(tree)
    assert "unbound.image sets AuthFile" in problem(tree)


def test_a_repository_that_ends_like_a_unit_is_a_repository() -> None:
    assert texts(root({"x.container": "[Container]\nImage=quay.io/o/x.image\n"})) == {
        "x.container": "quay.io/o/x.image"
    }


def test_scan_gives_what_can_be_read_and_the_problems_of_the_rest() -> None:
    tree = root({"a.image": GOOD, "c.image": "[Image]\n"}, {"b.image": "/gone"})
    found, problems = scan(tree)
    assert [item.file for item in found] == ["a.image"]
    assert len(problems) == 2
    assert problem(tree) == "; ".join(problems)


class Unreadable(FakeRootTree):
    def kind(self, path: str) -> FileType | None:
        if path.startswith(UNITS):
            raise Failed("the disk is on fire")
        return super().kind(path)


def test_a_tree_that_cannot_be_read_is_not_taken_for_one_that_binds_nothing() -> None:
    tree = Unreadable({f"{UNITS}/x.image": GOOD}, {f"{BOUND_IMAGES}/x.image": f"{UNITS}/x.image"})
    for read in (scan, bound_images):
        with pytest.raises(Failed, match="on fire"):
            read(tree)


LINES = st.sampled_from([
    "[Image]", "[Container]", "Image=quay.io/x", "Image=", "Image=a.image", "Image=%", "AuthFile=/x", "ImageTag=%h",
    "Image=\\", "# c", "x", "\udcff", "Image=\x1b[2J", "[", "=",
])  # fmt: skip
CONTENT = st.one_of(st.binary(max_size=80), st.lists(LINES, max_size=6).map("\n".join))
NAME = st.one_of(
    st.sampled_from(["a.image", "b.container", "c"]), st.text(max_size=6).map(lambda t: t.replace("/", ""))
)


@given(
    st.dictionaries(NAME.filter(lambda name: name not in ("", ".", "..") and "\0" not in name), CONTENT, max_size=4),
    st.dictionaries(st.sampled_from(["a.image", "b.container", "\udcfe.image", "e\n.image"]), st.text(max_size=8)),
)
@settings(max_examples=300)
def test_whatever_lies_there_is_read_or_told_in_words_fit_for_a_terminal_and_the_log(
    files: dict[str, bytes | str], links: dict[str, str]
) -> None:
    tree = FakeRootTree(
        {f"{UNITS}/{name}": content for name, content in files.items()},
        {f"{BOUND_IMAGES}/{name}": f"{UNITS}/{to}" if len(to) % 2 else f"{UNITS}/{name}" for name, to in links.items()},
    )
    found, problems = scan(tree)
    assert len(found) + len(problems) == len(links)
    for message in problems:
        assert message.isprintable()
        assert message.encode("utf-8")
    try:
        bound_images(tree)
    except StoreError:
        assert problems
