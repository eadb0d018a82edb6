"""Kernel arguments, as they stand in the `options` line of a boot loader entry (the Boot Loader Specification)."""

import re

from domain.errors import Usage

_SHOWN = 100  # characters of a bad argument that an error quotes
# The kernel takes blanks inside double quotes: dyndbg="file a.c +p".
_WORD = re.compile(r'(?:[^\s"]|"[^"]*(?:"|$))+')
_PARAMETER = re.compile(r'(?P<name>[^\s"=]+)(?:=(?:[^\s"]|"[^"]*")*)?')


def parse_karg(text: str) -> str:
    """One argument, `NAME` or `NAME=VALUE`. Raises Usage.

    ostree writes into the entry whatever it is given: with a line end in it, every later ostree command on that sysroot
    fails, and so may the next boot.
    """
    match = _PARAMETER.fullmatch(text)
    if match is None or not text.isprintable():
        shown = ascii(text[:_SHOWN])
        raise Usage(f"not a kernel argument: {shown}", hint="NAME or NAME=VALUE, blanks only in double quotes")
    if match["name"] == "ostree":
        raise Usage(f"not a kernel argument to set: {text[:_SHOWN]}", hint="ostree= is how ostree finds the root")
    return text


def split_kargs(line: str) -> tuple[str, ...]:
    """The arguments of a line."""
    return tuple(_WORD.findall(line))
