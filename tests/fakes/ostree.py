"""A sysroot's ostree side in memory: repositories, deployments and their order, and what is pruned when."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from adapters.ostree.repo import parse_refspec
from domain.errors import Ambiguous, BadInput, Failed, NotAStore, NotFound, ProgramFailed
from domain.kernel_arguments import parse_karg
from domain.ports import OsDeployment
from domain.roots import RootTree
from domain.values import Commit, DeploymentId, DeploymentName, Stateroot, parse_deployment
from tests.fakes.root_tree import FakeRootTree

_MODULES = "/usr/lib/modules"


@dataclass(frozen=True)
class FakeCommit:
    """`bytes`: what pruning it frees; commits share nothing here."""

    tree: RootTree
    parent: Commit | None = None
    bytes: int = 1000


@dataclass
class FakeRepo:
    """Commits by checksum, refs by refspec (`ref` or `remote:ref`)."""

    commits: dict[Commit, FakeCommit] = field(default_factory=dict)
    refs: dict[str, Commit] = field(default_factory=dict)

    def add(
        self, ref: str, files: Mapping[str, bytes | str], links: Mapping[str, str] | None = None, *, kernel: bool = True
    ) -> Commit:
        """A new commit on a branch, above what is there; its checksum depends on what is in it."""
        parent = self.refs.get(ref)
        kernel_files: dict[str, bytes | str] = {f"{_MODULES}/6.1.0/vmlinuz": "kernel"} if kernel else {}
        tree = FakeRootTree({**kernel_files, **files}, links)
        told = repr((parent, sorted(tree.files.items()), sorted(tree.links.items())))
        commit = Commit(hashlib.sha256(told.encode()).hexdigest())
        self.commits[commit] = FakeCommit(tree, parent)
        self.refs[ref] = commit
        return commit

    def resolve(self, commit_or_ref: str) -> Commit:
        text, _, _, parents = parse_refspec(commit_or_ref)
        commit = Commit(text) if text in self.commits else self.refs.get(text[: len(text) - len(parents)])
        for _ in parents:
            commit = self.commits[commit].parent if commit in self.commits else None
        if commit is None and len(text) >= 6:
            found = [each for each in self.commits if each.startswith(text)]
            if len(found) > 1:
                raise Ambiguous(f"{text} could be any of {len(found)} commits")
            commit = found[0] if found else None
        if commit not in self.commits:
            raise NotFound(f"there is no commit or ref {text!r}")
        return commit


@dataclass
class FakeOsTree:
    """Implements `domain.ports.OsTree`. `sources`: path or URL → repository; `remotes`: a remote's name → repository.

    `booted`, `staged` and `damage` (what `check` says) are for a test to set: nothing boots or breaks here.
    """

    sources: Mapping[str, FakeRepo] = field(default_factory=dict)
    remotes: Mapping[str, FakeRepo] = field(default_factory=dict)
    repo: FakeRepo = field(default_factory=FakeRepo)
    booted: DeploymentId | None = None
    staged: DeploymentId | None = None
    damage: list[str] = field(default_factory=list)
    _stateroots: set[Stateroot] = field(default_factory=set)
    _order: list[OsDeployment] = field(default_factory=list)
    _roots: dict[DeploymentId, RootTree] = field(default_factory=dict)
    _made: bool = False

    def initialise(self, stateroot: Stateroot) -> bool:
        changed = not self._made or stateroot not in self._stateroots
        self._made = True
        self._stateroots.add(stateroot)
        return changed

    def is_sysroot(self) -> bool:
        return self._made

    def stateroots(self) -> tuple[Stateroot, ...]:
        return tuple(sorted(self._stateroots))

    def fetch(self, commit_or_ref: str, source: str) -> Commit:
        self._require()
        remote = self.remotes.get(source)
        name = commit_or_ref.removeprefix(f"{source}:") if remote else commit_or_ref
        parse_refspec(name)
        found = remote or self.sources.get(source)
        if found is None:
            raise NotFound(f"{source} is no ostree repository")
        commit = found.resolve(name)
        self.repo.commits[commit] = found.commits[commit]
        if name in found.refs:
            self.repo.refs[f"{source}:{name}" if remote else name] = commit
        return commit

    def resolve(self, commit_or_ref: str) -> Commit:
        self._require()
        return self.repo.resolve(commit_or_ref)

    def tree(self, commit: Commit) -> RootTree:
        if commit not in self.repo.commits:
            raise NotFound(f"the commit {commit} is not there")
        return self.repo.commits[commit].tree

    def deployed_tree(self, deployment: DeploymentId) -> RootTree:
        if parse_deployment(deployment).id not in self._roots:
            raise NotFound(f"there is no deployment {deployment}")
        return self._roots[deployment]

    def deployments(self) -> tuple[OsDeployment, ...]:
        return tuple(
            replace(each, booted=each.id == self.booted, staged=each.id == self.staged) for each in self._order
        )

    def check_deployable(self, commit: Commit) -> None:
        if self.tree(commit).kind(_MODULES) != "directory":
            raise BadInput(f"ostree cannot deploy the commit {commit}: it has no kernel")

    def deploy(self, commit: Commit, stateroot: Stateroot, *, origin: str, kargs: Sequence[str]) -> None:
        self._require()
        if stateroot not in self._stateroots:
            raise NotFound(f"there is no stateroot {stateroot}")
        self.check_deployable(commit)
        tree = self.tree(commit)
        there = [each for each in self._order if each.stateroot == stateroot]
        # ostree merges from the booted deployment of this stateroot, or else from the first.
        merged = next((each for each in there if each.id == self.booted), there[0] if there else None)
        serials = [each.serial for each in there if each.commit == commit]
        name = DeploymentName(stateroot, commit, max(serials, default=-1) + 1)
        self._order.insert(
            0,
            OsDeployment(
                name.id, stateroot, commit, name.serial, self._refspec(origin, commit),
                merged_kargs(merged.kargs if merged else (), kargs), False, False, False,
            ),
        )  # fmt: skip
        self._roots[name.id] = tree

    def _refspec(self, origin: str, commit: Commit) -> str:
        elsewhere = sorted(ref for ref in self.repo.refs if ref.partition(":")[2] == origin)
        return next((ref for ref in (origin, *elsewhere) if self.repo.refs.get(ref) == commit), commit)

    def restore(self, deployment: DeploymentId, *, origin: str, kargs: Sequence[str]) -> None:
        self._require()
        if deployment in self._roots:
            return
        name = parse_deployment(deployment)
        if name.stateroot not in self._stateroots:
            raise NotFound(f"there is no stateroot {name.stateroot}")
        self.check_deployable(name.commit)
        there = [each for each in self._order if (each.stateroot, each.commit) == (name.stateroot, name.commit)]
        if any(each.serial > name.serial for each in there):
            raise Failed(f"ostree gives commit {name.commit[:12]} another serial than {name.serial}")
        made = OsDeployment(
            name.id, name.stateroot, name.commit, name.serial, origin or name.commit, tuple(map(parse_karg, kargs)),
            False, False, False,
        )  # fmt: skip
        self._order.insert(0, made)
        self._roots[name.id] = self.tree(name.commit)

    def set_order(self, order: Sequence[DeploymentId]) -> None:
        by_id = {each.id: each for each in self._order}
        if sorted(by_id) != sorted(order):
            raise Failed("these are not the deployments that are there")
        self._order = [by_id[name] for name in order]

    def name_commit(self, ref: str, commit: Commit) -> None:
        _, remote, name, parents = parse_refspec(ref)
        if not remote and not parents and name not in self.repo.commits:
            self.repo.refs[name] = commit

    def set_default(self, deployment: DeploymentId) -> None:
        index = self._index(deployment)
        if index:
            self._order.insert(0, self._order.pop(index))

    def undeploy(self, deployment: DeploymentId) -> None:
        parse_deployment(deployment)
        if deployment not in self._roots:
            return
        if deployment == self.booted:
            raise ProgramFailed("ostree admin failed: error: Cannot undeploy currently booted deployment")
        del self._order[self._index(deployment)]
        del self._roots[deployment]
        self._forget_unheld()

    def pin(self, deployment: DeploymentId, pinned: bool) -> None:
        index = self._index(deployment)
        self._order[index] = replace(self._order[index], pinned=pinned)

    def check(self) -> list[str]:
        return list(self.damage)

    def prune(self) -> int:
        self._require()
        return self._forget_unheld()

    def prunable(self) -> int:
        return sum(self.repo.commits[commit].bytes for commit in self._unheld())

    def _unheld(self) -> list[Commit]:
        """A ref holds the commit that it points to, not its parents."""
        held = {*self.repo.refs.values(), *(each.commit for each in self._order)}
        return [commit for commit in self.repo.commits if commit not in held]

    def _forget_unheld(self) -> int:
        """What `ostree prune` does, and `ostree admin undeploy` on its way."""
        return sum(self.repo.commits.pop(commit).bytes for commit in self._unheld())

    def _index(self, deployment: DeploymentId) -> int:
        for index, each in enumerate(self._order):
            if each.id == deployment:
                return index
        raise NotFound(f"there is no deployment {deployment}")

    def _require(self) -> None:
        if not self._made:
            raise NotAStore("not an ostree sysroot")


def merged_kargs(before: Sequence[str], kargs: Sequence[str]) -> tuple[str, ...]:
    """The first of a name takes the place of all that were there under it; further ones of it stand beside it."""
    found = [(word.partition("=")[0], word) for word in before]
    seen: set[str] = set()
    for karg in map(parse_karg, kargs):
        name = karg.partition("=")[0]
        places = [index for index, (key, _) in enumerate(found) if key == name]
        if name in seen or not places:
            found.append((name, karg))
        else:
            found[places[0]] = (name, karg)
            found = [each for index, each in enumerate(found) if index not in places[1:]]
        seen.add(name)
    return tuple(word for _, word in found)
