"""What carries the how-to pages out does what they say, and notices when it does not come out so."""

from pathlib import Path

import pytest

from tests.docs.runbook import HOW_TO, Runbook, read_commands
from tests.lab.host import LabHost

PAGE = """\
# A page

```sh
# a comment alone is no command
storectl init --stateroot demo
plan="a b"
for word in $plan; do
    echo "word $word"
done
```

## Fails

```console
$ storectl deployments --deployment nothing-of-the-sort   # exit 2: no such option
a line of output
$ cat <<END
> a
END
```

```ini
ExecStart=storectl gc
```
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    return path


def test_commands_are_read_whole_with_their_headings_and_exit_codes(page: Path) -> None:
    found = read_commands(page)
    assert [(each.heading, each.line, each.code) for each in found] == [
        ("A page", 5, 0), ("A page", 6, 0), ("A page", 7, 0), ("Fails", 15, 2), ("Fails", 17, 0),
    ]  # fmt: skip
    assert found[2].text.endswith("done\n")


def test_a_page_is_carried_out_on_the_lab_host(page: Path, host: LabHost) -> None:
    said = Runbook(page, host).run("A page")
    assert said[-1].out == "word a\nword b\n"
    assert host.json("status")["head"] > 1


def test_an_exit_code_that_is_not_the_pages_is_noticed(page: Path, host: LabHost) -> None:
    page.write_text("```sh\nfalse\n```\n")
    with pytest.raises(AssertionError, match="exit 1 instead of 0"):
        Runbook(page, host).run()
    page.write_text("```sh\ntrue  # exit 6: so it should\n```\n")
    with pytest.raises(AssertionError, match="exit 0 instead of 6"):
        Runbook(page, host).run()


@pytest.mark.parametrize("page", sorted(HOW_TO.glob("*.md")), ids=lambda page: page.stem)
def test_every_page_can_be_read(page: Path) -> None:
    read_commands(page)
