"""What a command works with, wired: the one place where adapters meet the application.

Reading commands open the log read-only and hold no lock. Changing commands hold the store's lock for all they do: they
first end what a crash left open, then record what happened behind storectl's back, then do their own work.
"""

import functools
import getpass
import os
import signal
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from adapters.containers.records import read_token
from adapters.event_log.reader import LogReader
from adapters.files.cache_file import CacheFile
from adapters.files.layout import Layout
from adapters.files.remedies import remedy
from adapters.files.reserve import Reserve
from adapters.files.space import free_space, temporary_directory
from adapters.files.store_lock import FileLock
from adapters.process import Runner
from adapters.system_clock import SystemClock
from application.graph_cache import cached_graph
from cli.bulk import load_decode, load_read_row
from cli.config import Config, read_config
from cli.output import Output, many, os_words
from cli.settings import Settings
from domain.decisions.room import explained, refuse_unless_writable
from domain.errors import Failed, NotAStore, StoreError
from domain.graph import ReferenceGraph
from domain.ports import FreeSpace, OsDeployment, OsTree, RegistryOptions
from domain.values import DeploymentId, OperationId, StoreId
from projections.tables import Row, deployments

if TYPE_CHECKING:
    # Imported where they are used, so that reading commands start without the library and cryptography.
    from adapters.event_log.log import SqliteEventLog
    from adapters.keys.keyring import KeyFiles
    from application.host import Host
    from application.journal import Step
    from application.resuming import Resumed
    from domain.ledger.key_changes import Role

KILL_AT = "STORECTL_TEST_KILL_AT"
"""A crash test's hook: the number of the step boundary at which the process kills itself."""


@dataclass
class Session:
    """One command's view of one sysroot."""

    settings: Settings
    clock: SystemClock = field(default_factory=SystemClock)

    @cached_property
    def out(self) -> Output:
        return Output(self.settings)

    @property
    def sysroot(self) -> Path:
        return self.settings.sysroot

    @cached_property
    def layout(self) -> Layout:
        return Layout(self.settings.sysroot.absolute())

    @cached_property
    def config(self) -> Config:
        return read_config(self.layout.config)

    @cached_property
    def runner(self) -> Runner:
        return Runner(self.out.trace, stall_s=self.config.stall_s)

    def now_us(self) -> int:
        return self.clock.now_us()

    # Reading

    @cached_property
    def _reader(self) -> LogReader:
        self.require_store()
        return LogReader(self.layout.log, long_reads=load_read_row)

    def reader(self) -> LogReader:
        """The log, for reading. Raises NotAStore."""
        return self._reader

    def require_store(self) -> None:
        """Raises NotAStore unless the sysroot has a log."""
        if not self.layout.log.exists():
            what = "is not a directory" if not self.sysroot.is_dir() else "has no storectl store"
            raise NotAStore(f"{self.sysroot} {what}", hint=f"'storectl --sysroot {self.sysroot} init' makes one")

    @cached_property
    def _graph(self) -> ReferenceGraph:
        cache = CacheFile(self.layout.graph_cache)
        graph = cached_graph(self.reader(), cache)
        if graph is not None and graph.position == self.reader().size:
            return graph  # nothing to decode: no event's class need be loaded
        from application.graphs import graph_at_head

        return graph_at_head(self.reader(), cache, load_decode, graph)

    def graph(self) -> ReferenceGraph:
        """The graph at the log's head."""
        return self._graph

    @cached_property
    def ostree(self) -> OsTree:
        from adapters.ostree.sysroot import OstreeSysroot

        return OstreeSysroot(self.layout.sysroot, self.runner)

    def deployments_there(self) -> dict[DeploymentId, OsDeployment]:
        """What ostree has now, by id."""
        return {deployment.id: deployment for deployment in self.ostree.deployments()}

    def deployment_rows(self) -> list[Row]:
        """Every deployment in its public form."""
        return deployments(self.graph(), self.deployments_there())

    def deployment_row(self, name: DeploymentId) -> Row:
        """One deployment in its public form, as it is after this session's changes."""
        return next(row for row in self.deployment_rows() if row["id"] == name)

    # Changing

    @contextmanager
    def changing(
        self, wait_s: float, registry: RegistryOptions | None = None, jobs: int = 4, *, frees: bool = False
    ) -> Iterator["Host"]:
        """Hold the lock; end what is open; observe; then the command's own work. Raises Busy, and what those raise.

        `frees`: on a full disk the space set aside is for this command.
        """
        from application.observing import observe
        from application.resuming import resume

        with self.host(wait_s, registry or RegistryOptions(), jobs, frees=frees) as host:
            for ended in resume(host):
                self.out.note(
                    f"{ended.command} {ended.operation}, which was interrupted: {ended.outcome}: {ended.detail}"
                )
            observed = observe(host)
            if observed:
                self.out.note(
                    f"{many(observed, 'event')} recorded of what happened outside storectl: 'storectl history'"
                )
            yield host

    @contextmanager
    def resuming(
        self, wait_s: float, registry: RegistryOptions, *, jobs: int, abort: bool
    ) -> Iterator[list["Resumed"]]:
        """Hold the lock, end what is open, observe; what became of each operation."""
        from application.observing import observe
        from application.resuming import resume

        with self.host(wait_s, registry, jobs, frees=True) as host:
            ended = resume(host, abort=abort)
            observe(host)
            yield ended

    @contextmanager
    def host(
        self, wait_s: float, registry: RegistryOptions, jobs: int = 4, *, frees: bool = False,
        lost: Collection["Role"] = (),
    ) -> Iterator["Host"]:  # fmt: skip
        """The host with the lock held and the log open for appending, nothing done yet.

        Without the keys of the roles in `lost`: nothing but their replacement can be appended then.
        A full disk is told as such, with the file systems that are full, whoever met it.
        """
        self.require_store()
        reserve = Reserve(self.layout.reserve)
        with self._lock().hold(wait_s):
            if frees and reserve.scarce():
                reserve.give_up()
            try:
                refuse_unless_writable(free_space(self.layout.state, "the sysroot"))
                with self._open_log(lost) as log:
                    yield self.host_with(log, registry, jobs, wait_s)
            except (StoreError, OSError) as error:
                failure = error if isinstance(error, StoreError) else Failed(os_words(error), hint=remedy(error))
                told = explained(failure, self._spaces())
                if told is error:
                    raise
                raise told from error
            finally:
                reserve.set_aside()

    def _spaces(self) -> list[FreeSpace]:
        """The file systems that a command writes to."""
        return [
            free_space(self.layout.sysroot, "the sysroot"),
            free_space(self.layout.sysroot / "boot", "boot loader entries and kernels"),
            free_space(Path("/run/storectl"), "the container store's runroot"),
            free_space(temporary_directory(), "temporary files"),
        ]

    def notice(self) -> None:
        """Record what happened outside storectl since the last look, if the stores' tokens say that anything did.

        For commands that only read: where it cannot be done now (no right to write, another command at work), they
        answer from what is recorded.
        """
        self.require_store()
        tokens = self._tokens()
        cache = CacheFile(self.layout.tokens)
        if tokens == cache.read() or self.graph().operations:
            return
        from application.observing import observe

        try:
            with self.host(0, RegistryOptions()) as host:
                observe(host)
        except StoreError:
            return
        cache.write(tokens)

    def _tokens(self) -> bytes:
        """The state of the owned store and of each consumer, as their last-writer tokens have it."""
        found = []
        for path in (str(self.layout.store), *sorted(self.graph().consumers)):
            try:
                found.append(read_token(Path(path)))
            except StoreError:
                found.append(b"unreadable")
        return b"".join(found)

    def _lock(self) -> FileLock:
        command = click.get_current_context().info_name or ""
        return FileLock(self.layout.lock, f"process {os.getpid()} (storectl {command})")

    def lock(self) -> FileLock:
        """The store's lock, for init: before there is a log."""
        return self._lock()

    @cached_property
    def keyring(self) -> "KeyFiles":
        """The store's private keys. Raises KeyUnusable where the passphrase cannot be read."""
        from adapters.keys.keyring import KeyFiles

        return KeyFiles(self.layout.keys, self.config.passphrases())

    @contextmanager
    def _open_log(self, lost: Collection["Role"]) -> Iterator["SqliteEventLog"]:
        from adapters.event_log.log import SqliteEventLog

        schedule = self.reader().key_schedule()
        self.keyring.settle(schedule)
        with SqliteEventLog(
            self.layout.log,
            self.layout.high_water,
            log_signer=None if "log" in lost else self.keyring.signer("log", schedule),
            event_signer=None if "event" in lost else self.keyring.signer("event", schedule),
            find_key=self.keyring.find,
        ) as log:
            yield log

    def host_with(self, log: "SqliteEventLog", registry: RegistryOptions, jobs: int, wait_s: float) -> "Host":
        """Everything a use case needs. The session's own graph is the journal's from here on."""
        from adapters.containers.consumer_stores import StoresOnDisk
        from adapters.containers.skopeo import Skopeo
        from adapters.containers.store import OwnedStore
        from adapters.event_log.past_logs import PastLogFiles
        from application.graphs import graph_at_head
        from application.host import Host
        from application.journal import Journal

        graph = graph_at_head(log, CacheFile(self.layout.graph_cache), load_decode)
        self.__dict__["_graph"] = graph
        store = OwnedStore(self.layout.store, self.layout.runroot(StoreId(graph.store)), self.runner)
        journal = Journal(log, graph, self.clock, actor(), lambda: OperationId(os.urandom(8).hex()), _steps())
        consumers = StoresOnDisk(self.layout.sysroot, self.layout.store)
        return Host(
            journal, store, self.ostree, Skopeo(self.runner), consumers, registry, jobs, wait_s,
            Reserve(self.layout.reserve).give_up, self.out.progress, PastLogFiles(self.layout.past),
            measure=self.out.measure, keys=self.keyring,
        )  # fmt: skip


_MAX_ACTOR = 100  # characters


def new_store_id() -> StoreId:
    """A new store's id."""
    import uuid  # deferred: only 'init' makes stores

    return StoreId(str(uuid.uuid4()))


def actor() -> str:
    """Who is at work: the user's name, and whom sudo works for. Whatever the environment says, it can be recorded."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = str(os.getuid())
    behind = os.environ.get("SUDO_USER", "")
    said = f"{behind}/{name}" if behind and behind != name else name
    return "".join(c if c.isprintable() else "?" for c in said)[:_MAX_ACTOR]


def _steps() -> "Step":
    """Counts step boundaries, and dies at the one that a crash test names."""
    wanted = os.environ.get(KILL_AT, "")
    passed = 0

    def step(_name: str) -> None:
        nonlocal passed
        passed += 1
        if wanted.isdecimal() and passed == int(wanted):
            os.kill(os.getpid(), signal.SIGKILL)

    return step


def pass_session(command: Any) -> Any:
    """Hand a command its session."""

    @click.pass_obj
    def with_session(settings: Settings, /, *args: Any, **kwargs: Any) -> Any:
        return command(Session(settings), *args, **kwargs)

    return functools.update_wrapper(with_session, command)
