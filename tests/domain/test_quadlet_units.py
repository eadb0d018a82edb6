"""Where podman's generator finds units and their drop-ins."""

import pytest

from domain.errors import BadInput
from domain.quadlet_units import Units, drop_in_folders
from domain.root_paths import follow
from tests.fakes.root_tree import FakeRootTree

DISTRIBUTION = "/usr/share/containers/systemd"
ADMIN = "/etc/containers/systemd"


def image(root: FakeRootTree, path: str = f"{DISTRIBUTION}/a-b.container") -> str | None:
    return Units(root).read(follow(root, path)).get("Container", {}).get("Image")


def says(value: str) -> str:
    return f"[Container]\nImage={value}\n"


@pytest.mark.parametrize(
    ("name", "folders"),
    [
        ("a.container", ["a.container.d", "container.d"]),
        ("a-b-c.image", ["a-b-c.image.d", "a-b-.image.d", "a-.image.d", "image.d"]),
        ("a@.container", ["a@.container.d", "container.d"]),
        ("a@i-j.container", ["a@i-j.container.d", "a@.container.d", "container.d"]),
        (
            "a-b@i.container",
            ["a-b@i.container.d", "a-b@.container.d", "a-@.container.d", "a-.container.d", "container.d"],
        ),
    ],
)
def test_the_drop_in_folders_of_a_unit_from_special_to_general(name: str, folders: list[str]) -> None:
    assert list(drop_in_folders(name)) == folders


def root(drop_ins: dict[str, str], **more: dict[str, str]) -> FakeRootTree:
    files = {f"{DISTRIBUTION}/a-b.container": says("main")} | {path: says(value) for path, value in drop_ins.items()}
    return FakeRootTree(files, more.get("links"))


@pytest.mark.parametrize("folder", ["a-b.container.d", "a-.container.d", "container.d"])
@pytest.mark.parametrize("place", [ADMIN, DISTRIBUTION, f"{DISTRIBUTION}/sub"])
def test_a_drop_in_counts_wherever_it_may_lie(place: str, folder: str) -> None:
    assert image(root({f"{place}/{folder}/x.conf": "drop-in"})) == "drop-in"


@pytest.mark.parametrize("path", ["b.container.d/x.conf", "a-b.image.d/x.conf", "a-b.container.d/x.txt", "x.conf"])
def test_what_is_no_drop_in_of_it_does_not(path: str) -> None:
    assert image(root({f"{DISTRIBUTION}/{path}": "other"})) == "main"


def test_drop_ins_are_read_in_the_order_of_their_names_across_folders() -> None:
    assert image(root({
        f"{DISTRIBUTION}/a-b.container.d/10-x.conf": "ten", f"{ADMIN}/container.d/20-x.conf": "twenty",
    })) == "twenty"  # fmt: skip


def test_of_two_with_one_name_the_more_special_folder_wins_then_the_administrators() -> None:
    general = {f"{ADMIN}/container.d/x.conf": "general"}
    assert image(root({**general, f"{DISTRIBUTION}/a-b.container.d/x.conf": "special"})) == "special"
    both = {f"{place}/a-b.container.d/x.conf": place for place in (DISTRIBUTION, ADMIN)}
    assert image(root(both)) == ADMIN


def test_a_link_to_dev_null_masks_a_drop_in() -> None:
    vendor = {f"{DISTRIBUTION}/a-b.container.d/x.conf": "vendor"}
    assert image(root(vendor, links={f"{ADMIN}/a-b.container.d/x.conf": "/dev/null"})) == "main"


def test_a_drop_in_that_leads_nowhere_is_an_error_that_names_it() -> None:
    with pytest.raises(BadInput, match=r"the drop-in .*/y\.conf leads nowhere"):
        image(root({}, links={f"{ADMIN}/a-b.container.d/y.conf": "/gone"}))


def test_an_error_in_a_drop_in_names_the_drop_in() -> None:
    files = {f"{DISTRIBUTION}/a-b.container": says("main"), f"{ADMIN}/container.d/z.conf": "nonsense"}
    with pytest.raises(BadInput, match=r"/etc/containers/systemd/container\.d/z\.conf, line 1"):
        image(FakeRootTree(files))


def test_a_commit_has_its_etc_below_usr_and_a_deployment_does_not() -> None:
    defaults = {f"/usr{ADMIN}/a-b.container.d/x.conf": "default"}
    assert image(root(defaults)) == "default"
    merged = root({**defaults, "/etc/hostname": "x"})
    assert image(merged) == "main", "what the administrator removed from /etc counts no more"


def test_a_unit_outside_the_search_path_has_the_drop_ins_next_to_it() -> None:
    lone = FakeRootTree({"/opt/a-b.container": says("main"), "/opt/a-b.container.d/x.conf": says("beside")})
    assert image(lone, "/opt/a-b.container") == "beside"


def test_a_unit_is_known_by_its_name_in_the_search_path_even_if_that_is_a_link() -> None:
    linked = FakeRootTree(
        {"/opt/app.container": says("main"), f"{ADMIN}/a-b.container.d/x.conf": says("by name")},
        {f"{DISTRIBUTION}/a-b.container": "/opt/app.container", "/bound": f"{DISTRIBUTION}/a-b.container"},
    )
    assert image(linked, "/bound") == "by name"


def test_the_administrators_unit_is_found_before_the_distributions() -> None:
    both = FakeRootTree({f"{ADMIN}/x.image": "", f"{DISTRIBUTION}/x.image": "", f"{DISTRIBUTION}/sub/y.image": ""})
    beside = follow(both, f"{DISTRIBUTION}/a.container")
    found = Units(both).find("x.image", beside)
    assert found is not None
    assert found.path == f"{ADMIN}/x.image"
    below = Units(both).find("y.image", beside)
    assert below is not None
    assert below.path == f"{DISTRIBUTION}/sub/y.image"
    assert Units(both).find("z.image", beside) is None


def test_directories_of_users_and_of_drop_ins_are_not_searched_for_units() -> None:
    hidden = FakeRootTree({f"{ADMIN}/users/x.image": "", f"{ADMIN}/a.container.d/x.image": ""})
    assert Units(hidden).find("x.image", follow(hidden, f"{ADMIN}/a.container")) is None


def test_a_search_path_that_leads_back_to_itself_ends() -> None:
    looped = root({}, links={f"{DISTRIBUTION}/again": ".", f"{DISTRIBUTION}/up": ".."})
    assert image(looped) == "main"
    assert DISTRIBUTION in Units(looped).directories


def test_a_search_path_without_end_is_refused() -> None:
    deep = FakeRootTree(directories=[f"{DISTRIBUTION}/d{number}" for number in range(300)])
    with pytest.raises(BadInput, match="more than 200"):
        _ = Units(deep).directories
