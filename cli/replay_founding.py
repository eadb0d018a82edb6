"""The state directory of a replayed store: the past log, and the log that goes on."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from adapters.event_log.high_water import HighWater, Mark
from adapters.event_log.log import SqliteEventLog
from adapters.event_log.log_copy import copy_log
from adapters.event_log.opening import log_keys
from adapters.event_log.reader import LogReader
from adapters.files.state_directory import make_state_directory, write_new
from adapters.keys.ed25519 import verify
from adapters.keys.key_files import ensure_key, load_key
from cli.config import Config, config_text, read_config, read_passphrase
from cli.founding import certificate
from cli.replay_sources import ReplaySource
from cli.session import Session, actor, new_store_id
from domain.decisions.replaying import next_origin
from domain.errors import Failed, KeyUnusable, Refused
from domain.events.base import Event
from domain.events.codec import decode, draft
from domain.events.operation import OperationBegun
from domain.events.recovery import StoreReplayed
from domain.events.store import StoreInitialised
from domain.ledger.keys import Signer, VerifierKey
from domain.values import StoreId

_BEGINNINGS = frozenset({
    "keys", "checkpoints", "cache", "past", "lock", "reserve", "config.toml", "log.db", "log.db-wal", "log.db-shm",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Founding:
    """How the log goes on: as itself with the `keys` of a directory, or, without, as a new one that commits to it, and
    names the `root` key, if there is one.
    """

    source: ReplaySource
    key: VerifierKey
    position: int
    keys: Path | None
    passphrase_file: Path | None
    root: Signer | None = None


def require_empty(session: Session) -> None:
    """Raises Refused for a sysroot that holds anything but what a replay left that was cut off in its beginnings."""
    sysroot, state = session.layout.sysroot, session.layout.state
    if not sysroot.exists():
        return
    if not sysroot.is_dir():
        raise Refused(f"{sysroot} is not a directory")
    strangers = [path for path in sysroot.iterdir() if path.name not in ("lost+found", "ostree")]
    if (sysroot / "ostree").exists():
        strangers += [path for path in (sysroot / "ostree").iterdir() if path != state]
    if state.is_dir():
        strangers += [path for path in state.iterdir() if path.name.lstrip(".").split(".new")[0] not in _BEGINNINGS]
    if strangers:
        names = sorted(str(path.relative_to(sysroot)) for path in strangers)
        raise Refused(
            f"{sysroot} is not empty: it has {', '.join(names[:5])}",
            hint="a store is replayed into an empty directory: name another one with --sysroot",
        )


@dataclass(frozen=True, slots=True)
class Founded:
    """`name`: of the past log; empty where the log goes on as itself. `told` once the log has its StoreReplayed."""

    name: str
    told: bool


def replayed_before(session: Session, founding: Founding) -> Founded | None:
    """What an earlier try to replay this very log here founded; None where there is no log yet.

    Raises Refused for any other store, and for one that has lived on since.
    """
    if not session.layout.log.exists():
        return None
    wanted = commitment(founding)
    with LogReader(session.layout.log) as reader:
        if (reader.origin, reader.size, reader.head().root_hash) == (wanted.origin, wanted.size, wanted.root_hash):
            require_empty(session)
            return Founded("", False)
        for entry in reader.entries(kinds=[StoreReplayed.kind], reverse=True):
            since = [decode(each) for each in reader.entries(entry.position, kinds=[OperationBegun.kind])]
            if decode(entry) == wanted and all(
                isinstance(event, OperationBegun) and event.command == "replay" for event in since
            ):
                return Founded("" if reader.origin == wanted.origin else _name(wanted), True)
            break
    raise Refused(
        f"{session.sysroot} is not empty: it has a store of its own",
        hint="a store is replayed into an empty directory: name another one with --sysroot",
    )


def found_replayed(session: Session, founding: Founding) -> Founded:
    """Make the state directory and the log.

    A crash before the last step leaves no log, and the next call begins anew. The caller holds no lock yet.
    """
    event = commitment(founding)
    make_state_directory(session.layout)
    with session.lock().hold(0):
        for older in sorted(founding.source.log.parent.glob("past/*/log.db")):
            _keep_past(session, older, older.parent.name)
        if founding.keys is not None:
            _go_on(session, founding, founding.keys)
            return Founded("", False)
        name = _name(event)
        _keep_past(session, founding.source.log, name)
        _begin_anew(session, founding, event)
        return Founded(name, True)


def _keep_past(session: Session, log: Path, name: str) -> None:
    place = session.layout.past / name
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Failed(f"cannot make {place}: {error.strerror}") from error
    copy_log(log, place / "log.db")


def commitment(founding: Founding) -> StoreReplayed:
    """What the log that goes on says of the one that is replayed."""
    with LogReader(founding.source.log) as reader:
        head = reader.head()
        return StoreReplayed(
            reader.origin, head.size, head.root_hash, str(founding.key), founding.position, str(founding.source.shown)
        )


def _name(event: StoreReplayed) -> str:
    return event.root_hash.hex()[:16]


def _begin_anew(session: Session, founding: Founding, event: StoreReplayed) -> None:
    """A log of its own, with keys of its own: nobody else may sign what comes after the old one."""
    secret = read_passphrase(founding.passphrase_file) if founding.passphrase_file else Config().passphrase()
    if founding.passphrase_file is not None:
        write_new(session.layout.config, config_text(founding.passphrase_file.absolute()))
    log_signer = ensure_key(session.layout.keys / "log.key", secret)
    event_signer = ensure_key(session.layout.keys / "event.key", secret)
    origin, root = next_origin(event.origin), founding.root
    public = root.public_key if root else None
    events: list[Event] = [
        StoreInitialised(new_store_id(), origin, log_signer.public_key, event_signer.public_key, public)
    ]
    if root is not None:
        events += [
            certificate(origin, 1, "log", log_signer, root), certificate(origin, 2, "event", event_signer, root),
        ]  # fmt: skip
    SqliteEventLog.create(
        session.layout.log, session.layout.high_water, origin, [draft(each) for each in (*events, event)],
        log_signer=log_signer, event_signer=event_signer, actor=actor(), operation="", now_us=session.now_us(),
    ).close()  # fmt: skip


def _go_on(session: Session, founding: Founding, keys: Path) -> None:
    """The same log, byte for byte, with its own keys: nothing was lost."""
    layout, config = session.layout, founding.source.config
    with LogReader(founding.source.log) as reader:
        genesis, head, schedule = reader.genesis(), reader.head_row(), reader.key_schedule(verify)
    settings = config_text(founding.passphrase_file.absolute()) if founding.passphrase_file else ""
    if config is not None and not settings:
        settings = config.read_text("utf-8")
    secret = (
        read_passphrase(founding.passphrase_file)
        if founding.passphrase_file
        else (read_config(config) if config else Config()).passphrase()
    )
    for name, public_key in (("log.key", schedule.current("log")), ("event.key", schedule.current("event"))):
        # Before anything is written: another store's keys must not come to lie here.
        if load_key(keys / name, secret).public_key != public_key:
            raise KeyUnusable(f"{keys / name} is not the key that the log goes on with", hint=_KEYS)
    _forget_runroot(layout.runroot(StoreId(genesis.store)), layout.store)
    if settings:
        write_new(layout.config, settings)
    for name in ("log.key", "event.key"):
        write_new(layout.keys / name, (keys / name).read_text("ascii"))
    known = log_keys(schedule, head.origin)
    HighWater(layout.high_water, known, verify).create(Mark(head.checkpoint, head.frontier))
    copy_log(founding.source.log, layout.log)


def _forget_runroot(runroot: Path, store: Path) -> None:
    """What podman remembers of a store that is gone. Raises Refused where it is not gone, but lives elsewhere."""
    storage = runroot / "storage.conf"
    if not storage.is_file():
        return
    roots = [line.partition('"')[2].rstrip('"') for line in storage.read_text().splitlines() if "graphroot" in line]
    if roots and Path(roots[0]) != store and (Path(roots[0]) / "overlay-images").is_dir():
        raise Refused(
            f"the store itself is alive at {roots[0]}: its log cannot go on in two places",
            hint="without --keys the replayed store gets a log of its own",
        )
    shutil.rmtree(runroot, ignore_errors=True)


_KEYS = "--keys names the directory with log.key and event.key; without it the store gets a log of its own"
