"""Every error that a user can meet, its exit code and what to do about it.

StoreError
├── Failed                1  an external command, a file or the network failed
│   ├── NotFound             a ref, image, deployment or file that does not exist
│   ├── ProgramMissing       a program that is not installed
│   ├── ProgramFailed        a program that ran and failed
│   ├── ImageUnavailable     an image that cannot be had
│   ├── BadInput             a file whose content does not make sense
│   ├── DiskFull             a file system without room; the message has the figures
│   └── NotAStore            a sysroot that is none, or that has no storectl store
├── Usage                 2  a word on the command line that means nothing, or too much
│   └── Ambiguous            a prefix that fits several things
├── Tampered              3  what was signed is not what is there
├── Refused               4  it could drop something in use or break a deployment
├── Busy                  5  somebody else holds the store, or changed it meanwhile
│   └── Conflict             the log's head moved between decision and append
├── Drift                 6  the store and the log disagree, or something is missing
└── Unchecked             7  it could not be checked: neither verified nor tampered
    ├── KeyUnusable          a key that is missing, unreadable or not this store's
    └── UnknownFormat        a format, driver or event kind newer than this program

An error's message says what is wrong and names the file, line or field; its hint says what to do next.
"""

from typing import ClassVar


class StoreError(Exception):
    """The root: `slug` is stable for scripts, `exit_code` for shells, `hint` is for people."""

    slug: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Failed(StoreError):
    slug = "failed"


class NotFound(Failed):
    slug = "not-found"


class ProgramMissing(Failed):
    slug = "program-missing"


class ProgramFailed(Failed):
    slug = "program-failed"


class ImageUnavailable(Failed):
    slug = "image-unavailable"


class BadInput(Failed):
    slug = "bad-input"


class DiskFull(Failed):
    slug = "disk-full"


class NotAStore(Failed):
    slug = "not-a-store"


class Usage(StoreError):
    slug = "usage"
    exit_code = 2


class Ambiguous(Usage):
    slug = "ambiguous"


class Tampered(StoreError):
    slug = "tampered"
    exit_code = 3


class Refused(StoreError):
    slug = "refused"
    exit_code = 4


class Busy(StoreError):
    slug = "busy"
    exit_code = 5


class Conflict(Busy):
    slug = "conflict"


class Drift(StoreError):
    slug = "drift"
    exit_code = 6


class Unchecked(StoreError):
    slug = "unchecked"
    exit_code = 7


class KeyUnusable(Unchecked):
    slug = "key-unusable"


class UnknownFormat(Unchecked):
    slug = "unknown-format"
