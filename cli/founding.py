"""Making a store's log and keys: what `init` and `adopt` have in common."""

from pathlib import Path

from adapters.event_log.log import SqliteEventLog
from adapters.files.state_directory import make_state_directory, require_sysroot_like, write_new
from adapters.keys.key_files import KeySigner, ensure_key
from cli.config import config_text, read_passphrase
from cli.session import Session, actor, new_store_id
from domain.errors import Usage
from domain.events.base import Event
from domain.events.codec import draft
from domain.events.key import KeyAdded
from domain.events.store import StoreInitialised
from domain.ledger.key_changes import Role, Statement
from domain.ledger.keys import Signer, VerifierKey, is_key_name, root_key_name

_MAX_ORIGIN_BYTES = 255
"""As the log format limits it."""


def found_log(
    session: Session, origin: str | None, passphrase_file: Path | None, wait_s: float, root: Signer | None = None
) -> bool:
    """Make the directory, the keys and the log with its first event, as far as they are missing; whether any was.

    With a root key, the log names it, and it certifies the others.

    Raises NotAStore for a directory that is something else, Usage for an origin that is none.
    """
    if origin is not None and (not is_key_name(origin) or "://" in origin):
        raise Usage(f"not an origin: {origin!r}", hint="a URL without its scheme: example.com/hosts/web-1")
    if origin is not None and len(origin.encode()) > _MAX_ORIGIN_BYTES:
        raise Usage(f"the origin takes {len(origin.encode())} bytes; allowed are {_MAX_ORIGIN_BYTES}")
    require_sysroot_like(session.layout)
    if passphrase_file is not None and not session.layout.log.exists():
        read_passphrase(passphrase_file)  # before anything is made
    make_state_directory(session.layout)
    with session.lock().hold(wait_s):
        if session.layout.log.exists():
            return False
        _create_log(session, origin, passphrase_file, root).close()
    return True


def store_document(session: Session, *, created: bool) -> dict[str, object]:
    """What `init` and `adopt` answer."""
    genesis = session.reader().genesis()
    vkey = VerifierKey(genesis.origin, session.reader().key_schedule().current("log"))
    root = VerifierKey(root_key_name(genesis.origin), genesis.root_key) if genesis.root_key else None
    return {
        "store": genesis.store, "origin": genesis.origin, "vkey": str(vkey), "root_vkey": str(root) if root else None,
        "sysroot": str(session.sysroot), "created": created,
    }  # fmt: skip


def tell_store(session: Session, document: dict[str, object]) -> None:
    """The same for people."""
    for name, title in (("store", "store"), ("origin", "origin"), ("vkey", "vkey"), ("root_vkey", "root")):
        if document[name]:
            session.out.line(f"{title:<8} {document[name]}")
    if not document["created"]:
        session.out.note("the store was there already: nothing was changed")


def _create_log(
    session: Session, origin: str | None, passphrase_file: Path | None, root: Signer | None
) -> SqliteEventLog:
    store = new_store_id()
    name = origin or f"storectl.local/{store}"
    secret = read_passphrase(passphrase_file) if passphrase_file else session.config.passphrase()
    if passphrase_file is not None:
        write_new(session.layout.config, config_text(passphrase_file.absolute()))
    log_signer: KeySigner = ensure_key(session.layout.keys / "log.key", secret)
    event_signer: KeySigner = ensure_key(session.layout.keys / "event.key", secret)
    public = root.public_key if root else None
    events: list[Event] = [StoreInitialised(store, name, log_signer.public_key, event_signer.public_key, public)]
    if root is not None:
        events += [certificate(name, 1, "log", log_signer, root), certificate(name, 2, "event", event_signer, root)]
    return SqliteEventLog.create(
        session.layout.log, session.layout.high_water, name, [draft(event) for event in events],
        log_signer=log_signer, event_signer=event_signer, actor=actor(), operation="", now_us=session.now_us(),
    )  # fmt: skip


def certificate(origin: str, index: int, role: Role, key: Signer, root: Signer) -> KeyAdded:
    """The event at `index` by which the root answers for a key of the first event."""
    signed = Statement("add", origin, index, role, root.public_key, b"", key.public_key).signed_bytes()
    return KeyAdded(role, key.public_key, None, key.sign(signed), root.sign(signed))
