"""Deploying: a set of images is present, checked and sealed before ostree hears of the commit (law 6)."""

from dataclasses import dataclass

from application.host import Host
from application.naming import name_bound_images
from application.procedures import carry_out, intent_of
from application.pulling import bring_in, record_present, resolve_all
from domain.decisions.deploying import Member, check_source, choose_stateroot, sealed_images
from domain.errors import Failed
from domain.events.codec import decode
from domain.events.deployment import DeploymentDeployed, DeploymentRemoved, DeploymentSealed
from domain.events.image import ImageBound
from domain.events.store import CommitFetched
from domain.graph import DeploymentNode, OpenOperation
from domain.kernel_arguments import parse_karg
from domain.ports import OsDeployment, RegistryOptions, ResolvedImage
from domain.quadlets import BoundImage, bound_images
from domain.values import Commit, DeploymentId, Stateroot


@dataclass(frozen=True, slots=True)
class DeployIntent:
    """All that finishing needs. `known` are the deployments that were there before: any other is this one's."""

    commit: Commit
    stateroot: Stateroot
    origin: str
    kargs: tuple[str, ...]
    known: tuple[DeploymentId, ...]
    members: tuple[Member, ...]
    registry: RegistryOptions


@dataclass(frozen=True, slots=True)
class FetchIntent:
    ref: str
    source: str


def deploy(
    host: Host, commit_or_ref: str, *, stateroot: Stateroot | None, source: str | None, kargs: tuple[str, ...]
) -> DeploymentNode:
    """Deploy a commit with all that it binds as the new default; nothing is staged if any image cannot be had."""
    if source is not None:
        check_source(source)
        carry_out(host, FETCHING, host.journal.begin(FETCHING.command, FetchIntent(commit_or_ref, source)))
    commit = host.os.resolve(commit_or_ref) if source is None else _last_fetched(host)
    intent = _prepare(host, commit, commit_or_ref, stateroot, kargs)
    operation = host.journal.begin(DEPLOYING.command, intent)
    carry_out(host, DEPLOYING, operation)
    # The one deployment that was not there before.
    return next(node for name, node in host.graph.deployments.items() if name not in intent.known)


def _last_fetched(host: Host) -> Commit:
    event = decode(next(host.journal.log.entries(kinds=[CommitFetched.kind], reverse=True)))
    assert isinstance(event, CommitFetched)
    return event.commit


def _prepare(
    host: Host, commit: Commit, commit_or_ref: str, stateroot: Stateroot | None, kargs: tuple[str, ...]
) -> DeployIntent:
    """Everything that can be looked up or refused without an effect."""
    # Before anything is fetched for it.
    host.os.check_deployable(commit)
    for karg in kargs:
        parse_karg(karg)
    chosen = choose_stateroot(stateroot, host.os.stateroots(), host.graph)
    bound = bound_images(host.os.tree(commit))
    host.progress(f"{commit_or_ref} binds {len(bound)} images")
    resolved = resolve_all(host, (item.reference for item in bound))
    members = tuple(_member(item, resolved[item.reference]) for item in bound)
    known = tuple(deployment.id for deployment in host.os.deployments())
    return DeployIntent(commit, chosen, commit_or_ref, kargs, known, members, host.registry)


def _member(item: BoundImage, resolved: ResolvedImage) -> Member:
    return Member(
        item.file, item.text, resolved.digest, resolved.list_digest, resolved.config_digest,
        tuple((blob.digest) for blob in resolved.blobs), tuple(blob.bytes for blob in resolved.blobs),
    )  # fmt: skip


class _Deploying:
    command = "deploy"

    def finish(self, host: Host, operation: OpenOperation) -> None:
        intent = intent_of(DeployIntent, operation)
        made = _made(host, intent)
        if made is None:
            stored = bring_in(host, operation, (member.resolved() for member in intent.members), intent.registry)
            sealed = sealed_images(intent.members, stored)
            seal = DeploymentSealed(operation.id, intent.stateroot, intent.commit, sealed)
            host.journal.record(seal, operation=operation.id)
            host.progress(f"deploying {intent.commit[:12]}")
            host.os.deploy(intent.commit, intent.stateroot, origin=intent.origin, kargs=intent.kargs)
            host.journal.step("deployed by ostree")
            made = _made(host, intent)
        if made is None:
            raise Failed(
                "ostree reported success, but the new deployment is not there", hint="see 'ostree admin status'"
            )
        _record_deployed(host, operation, intent, made)
        name_bound_images(host, operation)
        host.journal.complete(operation)

    def undo(self, host: Host, operation: OpenOperation) -> str:
        intent = intent_of(DeployIntent, operation)
        # What was brought in stays recorded, held by nothing once the operation ends: garbage, not a secret.
        record_present(host, operation, (member.resolved() for member in intent.members))
        made = _made(host, intent)
        if made is None:
            return f"nothing of {intent.commit[:12]} is deployed; images pulled for it are garbage now"
        host.os.undeploy(made.id)
        if made.id in host.graph.deployments:
            order = tuple(deployment.id for deployment in host.os.deployments())
            host.journal.record(DeploymentRemoved(made.id, "deploy undone", order), operation=operation.id)
        return f"deployment {made.id} was removed again"


def _made(host: Host, intent: DeployIntent) -> OsDeployment | None:
    """The deployment that this operation made, if it got so far."""
    return next(
        (
            deployment
            for deployment in host.os.deployments()
            if deployment.id not in intent.known
            and (deployment.commit, deployment.stateroot) == (intent.commit, intent.stateroot)
        ),
        None,
    )


def _record_deployed(host: Host, operation: OpenOperation, intent: DeployIntent, made: OsDeployment) -> None:
    if made.id in host.graph.deployments:
        return
    order = tuple(deployment.id for deployment in host.os.deployments())
    # Looked up again: after a crash it is long ago that they were sealed.
    stored = bring_in(host, operation, (member.resolved() for member in intent.members), intent.registry)
    host.journal.record(
        DeploymentDeployed(
            made.id, made.stateroot, made.commit, made.serial, made.origin, made.kargs, operation.id, order
        ),
        *(
            ImageBound(stored[member.digest].id, made.id, member.name, member.reference, member.digest, by_hand=False)
            for member in intent.members
        ),
        operation=operation.id,
    )


class _Fetching:
    command = "fetch"

    def finish(self, host: Host, operation: OpenOperation) -> None:
        intent = intent_of(FetchIntent, operation)
        host.progress(f"fetching {intent.ref} from {intent.source}")
        commit = host.os.fetch(intent.ref, intent.source)
        host.journal.record(CommitFetched(commit, intent.ref, intent.source), operation=operation.id)
        host.journal.complete(operation)

    def undo(self, host: Host, operation: OpenOperation) -> str:  # noqa: ARG002 (a Procedure's signature)
        return "what was fetched of the commit is garbage unless a ref holds it"


DEPLOYING = _Deploying()
FETCHING = _Fetching()
