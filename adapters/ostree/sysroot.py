"""The sysroot's ostree side, through the `ostree` command (and libostree's binding for the one thing that it lacks)."""

import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from adapters.files.root_directory import RootDirectory
from adapters.ostree.repo import OstreeRepo, parse_refspec
from adapters.ostree.status import deployment_path, parse_status
from adapters.ostree.tree import CommitTree
from adapters.process import TRANSFER_TIMEOUT, Result, Runner
from domain.errors import BadInput, Busy, Drift, Failed, NotAStore, NotFound, ProgramFailed, ProgramMissing, Usage
from domain.kernel_arguments import parse_karg
from domain.ports import OsDeployment
from domain.roots import RootTree
from domain.values import Commit, DeploymentId, DeploymentName, Stateroot, parse_deployment, parse_stateroot

_LONG_S = 1800.0  # for what writes or walks a whole operating system, on a slow disk
_FREED = re.compile(r"(?:Freed objects:|freeing|objects?,) (?P<amount>\d+(?:\.\d+)?) (?P<unit>bytes?|[kMGTPE]B)")
_UNITS = {"byte": 1, "bytes": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "PB": 10**15, "EB": 10**18}
_NOT_WRITABLE = ("Read-only file system", "Permission denied", "Operation not permitted", "must be root")
_MOST_STAND_INS = 64
_ORDER_SCRIPT = Path(__file__).with_name("libostree_order.py")
_SYSTEM_PYTHON = "/usr/bin/python3"


@dataclass(frozen=True, slots=True)
class OstreeSysroot:
    """Implements `domain.ports.OsTree`. `host` is the running system's root."""

    sysroot: Path
    runner: Runner
    host: Path = Path("/")
    _trees: dict[Commit, CommitTree] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def repo(self) -> Path:
        return self.sysroot / "ostree/repo"

    @property
    def _repository(self) -> OstreeRepo:
        return OstreeRepo(self.repo, self.runner)

    @property
    def _root(self) -> Path:
        """Where ostree is told to look. For the booted system that is `/`: its /boot may be a file system of its own,
        which is mounted there and not below /sysroot.
        """
        try:
            booted = (self.host / "run/ostree-booted").exists() and self.repo.samefile(self.host / "ostree/repo")
        except OSError:
            booted = False
        return self.host if booted else self.sysroot

    def is_sysroot(self) -> bool:
        return self._repository.exists() and (self.sysroot / "ostree/deploy").is_dir()

    def initialise(self, stateroot: Stateroot) -> bool:
        """As domain.ports.OsTree.initialise. Whatever a crash left half-made is completed."""
        changed = not self.is_sysroot()
        try:
            if changed:
                self.sysroot.mkdir(parents=True, exist_ok=True)
                if self.repo.is_dir():
                    self._admin_free("init", f"--repo={self.repo}", "--mode=bare")
                self._admin_free("admin", "init-fs", "--modern", self.sysroot)
            if stateroot in self.stateroots():
                return changed
            place = self.sysroot / "ostree/deploy" / stateroot
            if place.is_dir():
                place.rmdir()  # os-init was cut short before it had made anything in there
        except OSError as error:
            raise Failed(f"cannot make the sysroot {self.sysroot}: {error}", hint="is it writable?") from error
        self._admin("os-init", stateroot)
        return True

    def stateroots(self) -> tuple[Stateroot, ...]:
        """Every stateroot that is one (with its /var), sorted."""
        found = []
        for var in sorted((self.sysroot / "ostree/deploy").glob("*/var")):
            try:
                found.append(parse_stateroot(var.parent.name))
            except Usage:
                continue  # a directory that ostree did not make
        return tuple(found)

    def fetch(self, commit_or_ref: str, source: str) -> Commit:
        """As domain.ports.OsTree.fetch: see OstreeRepo.fetch."""
        self._require()
        return self._repository.fetch(commit_or_ref, source)

    def resolve(self, commit_or_ref: str) -> Commit:
        """As domain.ports.OsTree.resolve: see OstreeRepo.resolve."""
        self._require()
        return self._repository.resolve(commit_or_ref)

    def tree(self, commit: Commit) -> RootTree:
        """As domain.ports.OsTree.tree. Raises NotFound for a commit that is not there."""
        self._repository.require(commit)
        # A commit never changes: what was read of it once need not be read again.
        return self._trees.setdefault(commit, CommitTree(self.repo, commit, self.runner))

    def deployed_tree(self, deployment: DeploymentId) -> RootTree:
        """As domain.ports.OsTree.deployed_tree. Raises NotFound for a deployment that is not there."""
        return RootDirectory(deployment_path(self.sysroot, parse_deployment(deployment)))

    def deployments(self) -> tuple[OsDeployment, ...]:
        """As domain.ports.OsTree.deployments; none where there is no sysroot yet."""
        if not any((self.sysroot / "ostree/deploy").glob("*/deploy/*")):
            return ()
        # No mount namespace: nothing is mounted for looking, and looking needs no privilege.
        text = self.runner.run(["ostree", "admin", "status", f"--sysroot={self._root}"]).text
        return parse_status(text, self.sysroot, self._root / "boot")

    def check_deployable(self, commit: Commit) -> None:
        """Raises BadInput for a commit that ostree could not deploy, before anything is done for it."""
        tree = self.tree(commit)
        modules = "/usr/lib/modules"
        there = tree.names(modules) if tree.kind(modules) == "directory" else ()
        found = any(tree.kind(f"{modules}/{version}/vmlinuz") == "file" for version in there)
        # Where older trees keep it, with its checksum in the name.
        for place in ("/usr/lib/ostree-boot", "/boot"):
            names = () if found or tree.kind(place) != "directory" else tree.names(place)
            found = found or any(name.startswith("vmlinuz-") for name in names)
        if not found:
            raise BadInput(
                f"ostree cannot deploy the commit {commit}: it has no kernel ({modules}/VERSION/vmlinuz)",
                hint="nothing was deployed; a commit needs a kernel, usr/etc and usr/lib/os-release",
            )

    def deploy(self, commit: Commit, stateroot: Stateroot, *, origin: str, kargs: Sequence[str]) -> None:
        """As domain.ports.OsTree.deploy. Where `origin` is a ref that means this commit, ostree can upgrade from it.

        At once, also on the booted system: what is staged takes the place of what was staged before, and at shutdown
        that of the rollback, and nothing older may go.
        """
        self._require()
        there = self.stateroots()
        if stateroot not in there:
            raise NotFound(
                f"there is no stateroot {stateroot}; there are: {', '.join(there) or 'none'}",
                hint=f"'storectl init --stateroot {stateroot}' makes it",
            )
        options = karg_options(kargs)
        self.check_deployable(commit)
        try:
            with tempfile.NamedTemporaryFile("w", prefix="storectl-", suffix=".origin") as file:
                file.write(f"[origin]\nrefspec={self._refspec(origin, commit)}\n")
                file.flush()
                words = [f"--os={stateroot}", "--retain", "--no-prune", f"--origin-file={file.name}", *options]
                self._admin("deploy", *words, commit)
        except ProgramFailed as error:
            raise ProgramFailed(
                f"ostree cannot deploy {commit[:12]}: {error.message}",
                hint="nothing was deployed; a commit needs a kernel, usr/etc and usr/lib/os-release",
            ) from error
        except OSError as error:
            raise Failed(f"cannot write a temporary file: {error.strerror}", hint="is the disk full?") from error

    def _refspec(self, origin: str, commit: Commit) -> str:
        """The ref by which the commit was asked for, with the remote that has it; else the commit itself."""
        try:
            _, remote, ref, parents = parse_refspec(origin)
        except Usage:
            return commit
        if parents:
            return commit
        elsewhere = sorted((self.repo / "refs/remotes").glob("*/")) if not remote else []
        candidates = [origin, *(f"{place.name}:{ref}" for place in elsewhere)]
        return next((each for each in candidates if self._repository.ref(each) == commit), commit)

    def restore(self, deployment: DeploymentId, *, origin: str, kargs: Sequence[str]) -> None:
        """As domain.ports.OsTree.restore.

        ostree gives a deployment the serial after the highest of its commit that is there: where that is too low,
        stand-ins are deployed first and taken away again.
        """
        name = parse_deployment(deployment)
        self._require()
        self._repository.require(name.commit)
        stand_ins: list[DeploymentId] = []
        while deployment not in (there := {each.id for each in self.deployments()}):
            self._deploy_exactly(name, origin, kargs)
            made = sorted({each.id for each in self.deployments()} - there)
            stand_ins += [each for each in made if each != deployment]
            if not made or len(stand_ins) > _MOST_STAND_INS or parse_deployment(made[0]).serial >= name.serial:
                break
        for each in stand_ins:
            self.undeploy(each)
        if deployment not in {each.id for each in self.deployments()}:
            raise Failed(
                f"ostree gives commit {name.commit[:12]} another serial than {name.serial}",
                hint="see 'ostree admin status'",
            )

    def _deploy_exactly(self, name: DeploymentName, origin: str, kargs: Sequence[str]) -> None:
        options = ["--karg-none", *(f"--karg-append={parse_karg(karg)}" for karg in kargs)]
        try:
            with tempfile.NamedTemporaryFile("w", prefix="storectl-", suffix=".origin") as file:
                file.write(f"[origin]\n{_origin_key(origin)}={origin or name.commit}\n")
                file.flush()
                words = [f"--os={name.stateroot}", "--retain", "--no-prune", f"--origin-file={file.name}", *options]
                self._admin("deploy", *words, name.commit)
        except OSError as error:
            raise Failed(f"cannot write a temporary file: {error.strerror}", hint="is the disk full?") from error

    def set_order(self, order: Sequence[DeploymentId]) -> None:
        """As domain.ports.OsTree.set_order."""
        there = [each.id for each in self.deployments()]
        if there == list(order):
            return
        if sorted(there) != sorted(order):
            raise Failed("these are not the deployments that are there", hint="see 'ostree admin status'")
        if self._has_set_default():
            for deployment in reversed(order):
                self.set_default(deployment)
        else:
            self._write_order(order)
        if [each.id for each in self.deployments()] != list(order):
            raise Failed("the order of the deployments could not be written", hint="see 'ostree admin status'")

    def name_commit(self, ref: str, commit: Commit) -> None:
        """As domain.ports.OsTree.name_commit. Raises Usage for what is no ref."""
        self._repository.name_commit(ref, commit)

    def _has_set_default(self) -> bool:
        return "set-default" in self._admin_free("admin", "--help", check=False).text

    def set_default(self, deployment: DeploymentId) -> None:
        """As domain.ports.OsTree.set_default."""
        there = [each.id for each in self.deployments()]
        index = self._index(deployment, there)
        if index == 0:
            return
        wanted = [deployment, *(name for name in there if name != deployment)]
        if self._has_set_default():
            self._admin("set-default", str(index))
        else:
            self._write_order(wanted)
        if [each.id for each in self.deployments()] != wanted:
            raise Failed(f"{deployment} did not become the default", hint="see 'ostree admin status'")

    def _write_order(self, wanted: Sequence[DeploymentId]) -> None:
        argv: list[str | Path] = [_SYSTEM_PYTHON, "-I", _ORDER_SCRIPT, self._root, *wanted]
        result = self.runner.run(argv, private_mounts=True, check=False, timeout=_LONG_S)
        if result.code == 3:
            raise ProgramMissing(
                "this ostree cannot change the order of deployments, and libostree's Python binding is not installed",
                hint="install python3-gi and gir1.2-ostree-1.0 (Fedora: python3-gobject-base and ostree-libs)",
            )
        if result.code in (4, 5):
            words = "the deployments changed meanwhile" if result.code == 4 else "another program holds the sysroot"
            raise Busy(words, hint="try again")
        if result.code:
            raise self._explained(ProgramFailed(f"libostree could not write the order: {result.complaint}"))

    def undeploy(self, deployment: DeploymentId) -> None:
        """As domain.ports.OsTree.undeploy. Raises Drift if something else went with it."""
        there = [each.id for each in self.deployments()]
        if deployment not in there:
            if deployment_path(self.sysroot, parse_deployment(deployment)).exists():
                self._admin("cleanup")  # ostree was cut short: out of the order already, but still on the disk
            return
        self._admin("undeploy", str(there.index(deployment)))
        left = [each.id for each in self.deployments()]
        # ostree takes an index, and another program may have changed what it means.
        lost = [name for name in there if name not in left and name != deployment]
        if lost:
            raise Drift(
                f"while {deployment} was to be removed, {', '.join(lost)} went",
                hint="does another program deploy on this host?",
            )
        if deployment in left:
            raise Failed(f"ostree did not remove {deployment}", hint="see 'ostree admin status'")

    def pin(self, deployment: DeploymentId, pinned: bool) -> None:
        """As domain.ports.OsTree.pin. Idempotent; raises NotFound."""
        there = self.deployments()
        index = self._index(deployment, [each.id for each in there])
        if there[index].pinned != pinned:
            self._admin("pin", *([] if pinned else ["--unpin"]), str(index))
            if not any(each.id == deployment and each.pinned == pinned for each in self.deployments()):
                raise Busy("the deployments changed meanwhile", hint="try again; 'ostree admin status' shows the pins")

    @staticmethod
    def _index(deployment: DeploymentId, there: Sequence[DeploymentId]) -> int:
        if deployment not in there:
            raise NotFound(f"there is no deployment {deployment}", hint="'storectl deployments' lists what there is")
        return there.index(deployment)

    def check(self) -> list[str]:
        """As domain.ports.OsTree.check."""
        argv = ["ostree", f"--repo={self.repo}", "fsck", "--quiet"]
        result = self.runner.run(argv, check=False, timeout=TRANSFER_TIMEOUT)
        return [] if result.code == 0 else [result.complaint]

    def prune(self) -> int:
        """As domain.ports.OsTree.prune; ostree says the size in rounded units."""
        self._repository.forget_fetching()
        before = self.prunable()
        # First ostree's own: it renews the refs that hold deployed commits, on which the second relies. What it frees
        # it may tell the journal instead of us.
        return max(before, freed(self._admin("cleanup"))) + freed(self._prune())

    def prunable(self) -> int:
        """As domain.ports.OsTree.prunable; rounded like `prune`."""
        return freed(self._prune("--no-prune")) if self.is_sysroot() else 0

    def _prune(self, *words: str) -> Result:
        argv = ["ostree", "prune", f"--repo={self.repo}", "--refs-only", "--depth=0", *words]
        return self.runner.run(argv, timeout=_LONG_S)

    def _require(self) -> None:
        if not self.is_sysroot():
            raise NotAStore(f"{self.sysroot} is not an ostree sysroot", hint="'storectl init' makes one")

    def _admin(self, command: str, *words: str) -> Result:
        self._require()
        return self._admin_free("admin", command, f"--sysroot={self._root}", *words)

    def _admin_free(self, *words: str | os.PathLike[str], check: bool = True) -> Result:
        try:
            return self.runner.run(["ostree", *words], private_mounts=True, check=check, timeout=_LONG_S)
        except ProgramFailed as error:
            raise self._explained(error) from error

    def _explained(self, error: ProgramFailed) -> ProgramFailed:
        if any(words in error.message for words in _NOT_WRITABLE):
            return ProgramFailed(f"{self.sysroot} is not writable: {error.message}", hint="run this as root")
        return error


def _origin_key(origin: str) -> str:
    """Under which key an origin file has it: a ref, or what rpm-ostree and bootc write for a container image."""
    return "container-image-reference" if origin.startswith("ostree-") else "refspec"


def karg_options(kargs: Sequence[str]) -> list[str]:
    """ostree's options for these kernel arguments: the first of a name replaces what the last deployment had under it,
    further ones of that name (`console=`) stand beside it. Raises Usage for what is none.
    """
    seen: set[str] = set()
    words = []
    for karg in map(parse_karg, kargs):
        name = karg.partition("=")[0]
        words.append(f"--karg{'-append' if name in seen else ''}={karg}")
        seen.add(name)
    return words


def freed(result: Result) -> int:
    """How many bytes ostree says it freed, or would; at least 1 where there is anything."""
    match = _FREED.search(result.text.replace("\N{NO-BREAK SPACE}", " "))
    return max(1, int(float(match["amount"]) * _UNITS[match["unit"]])) if match else 0
