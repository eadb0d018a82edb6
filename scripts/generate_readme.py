"""Puts a part of the recorded demo session (docs/demo-session.txt) into README.md, between its two markers.

`python scripts/generate_readme.py` writes it; with `--check` it changes nothing and fails if README.md is not fresh.
The session is recorded with `python -m demo.demo --record docs/demo-session.txt`.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README, SESSION = ROOT / "README.md", ROOT / "docs/demo-session.txt"
BEGIN = "<!-- session: from docs/demo-session.txt, by scripts/generate_readme.py -->"
END = "<!-- end of the session -->"

SHOWN = ("deploy", "status", "why", "rollback", "undeploy", "gc --dry-run", "gc", "verify")
"""The commands that README.md shows, each where it comes last in the session."""


def blocks(session: str) -> Iterator[tuple[str, str]]:
    """Each command of the session, without `$ storectl `, and its text: the remarks above it, itself, its output."""
    command, lines = "", list[str]()
    for line in session.splitlines():
        if line.startswith(("$ ", "# ")) and command:
            yield command, "\n".join(lines).rstrip()
            command, lines = "", []
        if line.startswith("$ "):
            command = line.removeprefix("$ storectl ")
        lines.append(line)
    if command:
        yield command, "\n".join(lines).rstrip()


def excerpt(session: str) -> str:
    """The shown blocks in the session's order. Raises ValueError where a shown command is not in the session."""
    found = list(blocks(session))
    chosen = set[int]()
    for wanted in SHOWN:
        exact = wanted == "gc"  # 'gc' is the beginning of 'gc --dry-run', too
        fits = [
            at
            for at, (said, _) in enumerate(found)
            if (said if exact else f"{said} "[: len(wanted) + 1].strip()) == wanted
        ]
        if not fits:
            raise ValueError(f"{SESSION.relative_to(ROOT)} has no 'storectl {wanted}'")
        chosen.add(fits[-1])
    return "\n\n".join(found[at][1] for at in sorted(chosen))


def fresh(readme: str, session: str) -> str:
    """The README with the session of now. Raises ValueError where it does not have both markers, in order."""
    head, begin, rest = readme.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md needs these two lines: {BEGIN} and {END}")
    return f"{head}{BEGIN}\n\n```console\n{excerpt(session)}\n```\n\n{END}{tail}"


def main() -> int:
    old = README.read_text()
    new = fresh(old, SESSION.read_text())
    if "--check" not in sys.argv[1:]:
        README.write_text(new)
    elif new != old:
        sys.stderr.write("README.md is not fresh: run 'python scripts/generate_readme.py'\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
