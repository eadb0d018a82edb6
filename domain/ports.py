"""What the application needs of the machine, as Protocols. `adapters/` implements them; tests have fakes in memory.

Every call raises errors of `domain.errors` only.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from domain.ledger.entry import Draft, Entry, Head
from domain.ledger.key_changes import Role
from domain.ledger.key_schedule import KeySchedule
from domain.references import ImageSource
from domain.roots import RootTree
from domain.store_view import StoredImage, StoreView
from domain.values import Commit, DeploymentId, Digest, ImageId, LayerId, Stateroot

Progress = Callable[[str], None]
"""Told in words what is going on; may be called from any thread."""

Measure = Callable[[int, int], None]
"""Told how much of how much is done (0, 0: that is over); may be called from any thread."""


class EventLog(Protocol):
    """The append-only signed log of one store."""

    @property
    def origin(self) -> str: ...

    def head(self) -> Head: ...

    def append(
        self, drafts: Sequence[Draft], *, expected: int, actor: str, operation: str, now_us: int
    ) -> tuple[Entry, ...]:
        """Append all or none, in one durable transaction. `expected` is the size the caller decided on: Conflict if the
        log has grown since. Times are max(now_us, last + 1). Returns after COMMIT and the high-water mark's fsync.
        """

    def entries(
        self, start: int = 1, stop: int | None = None, *, kinds: Sequence[str] = (), reverse: bool = False
    ) -> Iterator[Entry]:
        """Positions start..stop (inclusive), optionally only some kinds, in order or from the end."""

    def key_schedule(self) -> KeySchedule:
        """Which key may sign what, as the log says now."""


class Keyring(Protocol):
    """The store's private keys: of each role the one in force, and one that is staged to take its place."""

    def stage(self, role: Role) -> bytes:
        """Make a new key, on disk before this returns, in the place of one staged earlier; its public half."""

    def staged(self, role: Role) -> bytes | None:
        """The public half of the staged key."""

    def sign(self, public_key: bytes, data: bytes) -> bytes:
        """64 bytes, by the key in force or a staged one. Raises KeyUnusable where it is neither."""

    def promote(self, role: Role) -> None:
        """The staged key takes the place of the other. Idempotent."""

    def discard(self, role: Role) -> None:
        """The staged key goes. Idempotent."""


class Clock(Protocol):
    def now_us(self) -> int:
        """Microseconds since the epoch, UTC."""


@dataclass(frozen=True, slots=True)
class RegistryOptions:
    """How registries are reached, as skopeo's options of the same names; None: skopeo's own default.

    Paths, never what is in them: an operation's intent keeps these, so that whoever resumes it reaches the registry
    the same way.
    """

    authfile: str | None = None
    policy: str | None = None
    cert_dir: str | None = None
    tls_verify: bool | None = None

    def over(self, other: "RegistryOptions") -> "RegistryOptions":
        """These, and the other's where these say nothing."""
        return RegistryOptions(
            self.authfile or other.authfile,
            self.policy or other.policy,
            self.cert_dir or other.cert_dir,
            other.tls_verify if self.tls_verify is None else self.tls_verify,
        )


@dataclass(frozen=True, slots=True)
class Blob:
    """One compressed layer as a registry serves it."""

    digest: Digest
    bytes: int


@dataclass(frozen=True, slots=True)
class FreeSpace:
    """Room on a file system: where it is mounted, what of ours lies there, bytes free and in all."""

    mount: str
    what: str
    free: int
    total: int


@dataclass(frozen=True, slots=True)
class ResolvedImage:
    """A reference looked up once: which manifest it means *now* on this machine's platform.

    `list_digest` is set where the reference led to a manifest list or index; `bytes` is what a pull would fetch.
    """

    source: ImageSource
    digest: Digest
    list_digest: Digest | None
    config_digest: Digest
    blobs: tuple[Blob, ...]

    @property
    def bytes(self) -> int:
        return sum(blob.bytes for blob in self.blobs)


class ImageSourcePort(Protocol):
    """Where images come from (skopeo inspect)."""

    def resolve(self, source: ImageSource, registry: RegistryOptions) -> ResolvedImage:
        """Raises ImageUnavailable, naming the image and the reason."""


class ContainerStore(Protocol):
    """The owned containers-storage instance."""

    def exists(self) -> bool: ...

    def create(self) -> None:
        """Make it, complete or not at all; does nothing where it exists."""

    def view(self) -> StoreView:
        """Nothing where there is no store. Raises UnknownFormat (another driver), BadInput (a record that does not
        parse; names the file).
        """

    def links(self, layers: Iterable[LayerId]) -> Mapping[LayerId, str]:
        """The link name of each of these layers, as far as they have one (a file a layer, so asked for by need)."""

    def pull(self, image: ResolvedImage, registry: RegistryOptions, progress: Progress) -> ImageId:
        """Fetch by digest, under the one name that can never move (`repo@digest`; none for other transports).

        Idempotent; safe to call from several threads. Returns the image's id as found in the store afterwards.
        Raises ImageUnavailable.
        """

    def label(self) -> int:
        """Where SELinux is on, give the store the labels of podman's own store; how many files got another one."""

    def room(self) -> tuple[FreeSpace, FreeSpace]:
        """Where the store is, and where blobs lie while they are unpacked."""

    def sync(self) -> None:
        """What was brought in so far outlasts a power cut when this returns."""

    def tag(self, image: ImageId, name: str) -> None:
        """Give the image a name, taking it from any other image."""

    def untag(self, image: ImageId, names: Sequence[str]) -> None:
        """Take names away from the image."""

    def put_names(self, names: Mapping[ImageId, Sequence[str]]) -> None:
        """Let each of these images have exactly these names, taking them from any other image. Idempotent."""

    def record_problems(self, image: StoredImage) -> list[str]:
        """What is wrong with the manifest and the config that the store keeps of an image, in words."""

    def content_digest(self, layer: LayerId) -> Digest:
        """The digest of a layer's tar stream, from its files as they are. Raises BadInput where it cannot be told."""

    def with_files(self, layers: Iterable[LayerId]) -> Set[LayerId]:
        """Those of the layers whose files are there at all."""

    def link_problems(self, view: StoreView, links: Mapping[LayerId, Set[str]]) -> list[tuple[LayerId, str]]:
        """Link names that do not lead to their layer, and chains of them that do not fit, in words."""

    def restore_links(self, links: Mapping[LayerId, Set[str]]) -> None:
        """Let each of these names lead to its layer again, beside the name that the layer has now; a layer without a
        name gets one, and a chain of lower layers that does not fit is written anew. Idempotent.
        """

    def sweep(self) -> None:
        """Delete the layers that a pull which was cut off left half-written."""

    def replace_damaged(
        self, image: ResolvedImage, layers: Sequence[LayerId], registry: RegistryOptions, progress: Progress
    ) -> Path:
        """Fetch the image aside and put these layers' files, and the image's manifest and config, in the place of those
        that are there, which are kept in the directory that is returned. Raises ImageUnavailable before anything is
        changed.
        """

    def delete(self, image: ImageId) -> None:
        """Delete one image by id, whatever its names, with the layers that nothing else in this store uses.

        Idempotent. Never forces: raises Refused when a container of this store uses it.
        """

    def delete_all(self, images: Sequence[ImageId]) -> None:
        """As `delete`, for many in little more time than one takes. Which of them are gone is seen in the store
        afterwards, also where this raises for one that could not be deleted: the ones after it may still be there.
        """


@dataclass(frozen=True, slots=True)
class FoundConsumer:
    """Another container store that uses the owned one, and `how` it was found."""

    path: str
    runroot: str | None
    how: str


class ConsumerStores(Protocol):
    """Container stores that use the owned one as an additional image store."""

    def view(self, path: str) -> StoreView:
        """Raises what reading the owned store raises (nothing of a store that cannot be read is known), NotFound where
        there is no store, Refused for the owned store itself.
        """

    def linked(self, path: str) -> Mapping[LayerId, tuple[LayerId, ...]]:
        """Layers of the store whose chain of link names leads into the owned store: to which layers there.

        A layer may have been built on the owned store's copy of its parent before its own store got one, too: then
        its record does not say so, and its files do.
        """

    def token(self, path: str) -> bytes:
        """Changes whenever the store does. Raises Failed."""

    def frozen(self, paths: Sequence[str], wait_s: float) -> AbstractContextManager[None]:
        """Nothing is created in or removed from any of them meanwhile. Raises Busy or Refused, naming the store."""

    def discover(self) -> tuple[FoundConsumer, ...]:
        """What the running system's configuration names; nothing where the sysroot is not the running system's."""


@dataclass(frozen=True, slots=True)
class OsDeployment:
    """One deployment as ostree has it, in ostree's order (the first is the default)."""

    id: DeploymentId
    stateroot: Stateroot
    commit: Commit
    serial: int
    origin: str
    kargs: tuple[str, ...]
    booted: bool
    staged: bool
    pinned: bool


class OsTree(Protocol):
    """The sysroot's ostree side."""

    def initialise(self, stateroot: Stateroot) -> bool:
        """Make whatever is missing of the sysroot and the stateroot; True if anything was."""

    def is_sysroot(self) -> bool: ...

    def stateroots(self) -> tuple[Stateroot, ...]: ...

    def fetch(self, commit_or_ref: str, source: str) -> Commit:
        """Bring a commit in from another repository (a path, a URL, or a remote's name); which one it was."""

    def resolve(self, commit_or_ref: str) -> Commit:
        """Raises NotFound for an unknown ref or a commit that is not (wholly) there."""

    def check_deployable(self, commit: Commit) -> None:
        """Raises Failed for a commit that lacks what ostree needs to deploy it (a kernel, /usr/etc, …)."""

    def tree(self, commit: Commit) -> RootTree:
        """The commit's files, read without checking anything out."""

    def deployed_tree(self, deployment: DeploymentId) -> RootTree: ...

    def deployments(self) -> tuple[OsDeployment, ...]: ...

    def deploy(self, commit: Commit, stateroot: Stateroot, *, origin: str, kargs: Sequence[str]) -> None:
        """Deploy as the new default; every older deployment is kept. Raises Failed if ostree does."""

    def restore(self, deployment: DeploymentId, *, origin: str, kargs: Sequence[str]) -> None:
        """Deploy a commit that is there so that it becomes this very deployment, serial, origin and kernel arguments
        included; nothing that is there already. Where it stands in the order is not said. Idempotent. Raises Failed.
        """

    def set_order(self, order: Sequence[DeploymentId]) -> None:
        """Put the deployments, which have to be these, into this order; /etc is not merged anew."""

    def name_commit(self, ref: str, commit: Commit) -> None:
        """Let a ref of this repository mean the commit, as fetching it did."""

    def set_default(self, deployment: DeploymentId) -> None:
        """Move a deployment to the front of the order, keeping the others' (the rollback); /etc is not merged anew."""

    def undeploy(self, deployment: DeploymentId) -> None:
        """Remove one deployment. Idempotent."""

    def pin(self, deployment: DeploymentId, pinned: bool) -> None: ...

    def check(self) -> list[str]:
        """Read every object back (ostree fsck); what is wrong, in words."""

    def prune(self) -> int:
        """Delete objects that no ref and no deployment holds; returns the bytes freed."""

    def prunable(self) -> int:
        """How many bytes `prune` would free."""


class StoreLock(Protocol):
    """One changing command at a time."""

    def hold(self, wait_s: float) -> AbstractContextManager[None]:
        """Raises Busy, naming the holder, if it is not free within `wait_s` seconds. Goes when the process dies."""
