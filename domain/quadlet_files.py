"""Quadlet files: the ini syntax of systemd's units, as podman's generator reads it.

Written down in systemd.syntax(7) and podman-systemd.unit(5). Where the two differ (the generator joins continued lines
with nothing between them), the generator counts: it is what starts the container.
"""

from collections.abc import Iterable, Iterator

from domain.errors import BadInput

Sections = dict[str, dict[str, str]]
"""Section → key → its last value. An empty assignment takes the key away."""

_SHOWN = 200  # characters of somebody else's text that an error quotes


def parse_unit(files: Iterable[tuple[str, bytes]]) -> Sections:
    """A unit file and its drop-ins, (path, content) each, read one after the other.

    Raises BadInput, naming the file and the line.
    """
    sections: Sections = {}
    for path, data in files:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadInput(f"{shown(path)} is not UTF-8 (byte {error.start})") from None
        _parse(text, path, sections)
    return sections


def _parse(text: str, path: str, sections: Sections) -> None:
    section: dict[str, str] | None = None
    for number, line in _logical_lines(text):
        if line.startswith("[") and line.find("]") == len(line) - 1:
            section = sections.setdefault(line[1:-1], {})
            continue
        key, equals, value = (word.strip() for word in line.partition("="))
        if not equals or not key:
            raise BadInput(f"{shown(path)}, line {number}: neither [Section] nor KEY=VALUE: {shown(line)}")
        if section is None:
            raise BadInput(f"{shown(path)}, line {number}: {shown(key)} stands before any section")
        if value:
            section[key] = _unquoted(value)
        else:
            section.pop(key, None)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """(number of the first line, line) without comments and with continuations joined.

    Only a line feed ends a line: str.splitlines() would see ends that neither systemd nor podman sees.
    """
    pending, first = "", 0
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue  # also within a continuation, which goes on after it
        first = first or number
        if line.endswith("\\"):
            pending += line[:-1]
            continue
        yield first, pending + line
        pending, first = "", 0
    if pending.strip():
        yield first, pending.strip()


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value


def without_specifiers(value: str) -> str:
    """`%%` is one `%`. Raises BadInput for a specifier, which only a running systemd could expand, and a lone `%`."""
    plain = value.replace("%%", "")
    if "%" in plain:
        at = plain.index("%")
        what = f"the specifier {shown(plain[at : at + 2])}" if plain[at + 1 : at + 2] else "a lone %"
        raise BadInput(f"Image={shown(value)} has {what}", hint="write the image out, and % as %%")
    return value.replace("%%", "%")


def shown(text: str) -> str:
    """Somebody else's text for a message: short, on one line, nothing in it that a terminal would obey."""
    cut = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
    return cut if cut.isprintable() else ascii(cut)
