"""`config.toml`: what a store is told once instead of on every command line."""

import json
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

from adapters.process import STALL_S
from domain.errors import BadInput, KeyUnusable

_KNOWN: dict[str, dict[str, type]] = {"keys": {"passphrase_file": str}, "transfers": {"stall_seconds": int}}
_CREDENTIAL = "storectl.passphrase"


@dataclass(frozen=True, slots=True)
class Config:
    """`passphrase_file` is where the private keys' passphrase lies; None: they are not encrypted. `stall_s`: how long a
    transfer may take without getting anywhere.
    """

    passphrase_file: Path | None = None
    stall_s: float = STALL_S

    def passphrase(self) -> bytes | None:
        """The one that encrypts new keys. Raises KeyUnusable."""
        return next(iter(self.passphrases()), None)

    def passphrases(self) -> tuple[bytes, ...]:
        """From the environment's file, systemd's credential directory, or the configured file: the one in use, and
        behind it, while it is changed, the one before. Raises KeyUnusable.
        """
        named = os.environ.get("STORECTL_KEY_PASSPHRASE_FILE")
        directory = os.environ.get("CREDENTIALS_DIRECTORY")
        credential = Path(directory) / _CREDENTIAL if directory else None
        if named:
            return read_passphrases(Path(named))
        if credential is not None and credential.exists():
            return read_passphrases(credential)
        return read_passphrases(self.passphrase_file) if self.passphrase_file else ()


def read_config(path: Path) -> Config:
    """The configuration; all defaults where there is no file. Raises BadInput, naming file and field."""
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return Config()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: {error}", hint="it is TOML; see docs/reference/configuration.md") from error
    for section, fields in content.items():
        if section not in _KNOWN or not isinstance(fields, dict):
            raise BadInput(f"{path}: unknown section [{section}]", hint=f"known: {', '.join(_KNOWN)}")
        for name, value in fields.items():
            if name not in _KNOWN[section] or type(value) is not _KNOWN[section][name]:
                raise BadInput(f"{path}: [{section}] {name} is not known, or not of its type")
    file = content.get("keys", {}).get("passphrase_file")
    stall = content.get("transfers", {}).get("stall_seconds", STALL_S)
    if stall <= 0:
        raise BadInput(f"{path}: [transfers] stall_seconds is a number of seconds, more than 0")
    return Config(Path(file) if file else None, stall)


def config_text(passphrase_file: Path) -> str:
    """The file that `init` writes."""
    # JSON's strings are TOML's, but for DEL.
    return f"[keys]\npassphrase_file = {json.dumps(str(passphrase_file), ensure_ascii=False)}\n"


def read_passphrase(path: Path) -> bytes:
    """The file's first line. Raises KeyUnusable."""
    return read_passphrases(path)[0]


def read_passphrases(path: Path) -> tuple[bytes, ...]:
    """The file's first line, and its second where it has one: the passphrase before. Raises KeyUnusable."""
    try:
        first, *rest = [line.rstrip(b"\r") for line in path.read_bytes().split(b"\n")][:2]
    except OSError as error:
        raise KeyUnusable(f"cannot read the passphrase file {path}: {error.strerror}") from error
    if not first:
        raise KeyUnusable(f"the passphrase file {path} is empty", hint="put the passphrase on its first line")
    return (first, *(line for line in rest if line))
