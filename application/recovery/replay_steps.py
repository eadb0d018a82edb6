"""Carrying out the steps of a replay: each looks whether it is so already, so that a crash costs nothing twice.

What cannot be had is noted and passed over: everything else is to come back.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from application.host import Host
from application.inventory import complete
from application.recovery.past import Past
from application.recovery.recorded import RecordedImage
from domain.decisions import replaying as steps
from domain.decisions.room import says_full
from domain.errors import NotFound, StoreError
from domain.events.store import Drift
from domain.ports import RegistryOptions, ResolvedImage
from domain.references import ImageReference, ImageSource, TransportSource, is_stand_in, parse_source
from domain.values import Commit, DeploymentId, ImageId


@dataclass(frozen=True, slots=True)
class Places:
    """Where content is looked for: a backup's `layout` and `commits` (paths; empty: none), then `registry_host` in the
    place of the recorded registries, then where the log says.
    """

    layout: str
    commits: str
    registry_host: str
    registry: RegistryOptions


def sources_of(image: RecordedImage, places: Places) -> Iterator[ImageSource]:
    """Where an image may be had, the likeliest first."""
    if places.layout:
        yield TransportSource("oci", f"{places.layout}:{image.id}")
    named = [parse_source(image.source)] if image.source else []
    named += [parse_source(name) for name in image.names if not image.source and not is_stand_in(name)]
    for source in named:
        if places.registry_host and isinstance(source, ImageReference):
            path = source.repository.partition("/")[2]
            yield ImageReference(f"{places.registry_host}/{path}", source.tag, source.digest)
    yield from named


@dataclass(slots=True)
class Rebuilding:
    """`sources`: where each image was had from; `lacking`: what could not be had, with every place that was asked."""

    host: Host
    past: Past
    places: Places
    incomplete: bool
    sources: dict[ImageId, str] = field(default_factory=dict)
    lacking: dict[str, Drift] = field(default_factory=dict)

    def carry_out(self, step: steps.Step) -> None:
        """Do one step; what fails is noted."""
        target, detail = "", ""
        try:
            match step:
                case steps.HaveStateroot(stateroot):
                    target = stateroot
                    self.host.os.initialise(stateroot)
                case steps.HaveImage(image):
                    target = image
                    self._have_image(image)
                case steps.DropImage(image):
                    target = image
                    self.host.store.delete(image)
                case steps.HaveDeployment():
                    target = step.deployment
                    self._have_deployment(step)
                case steps.DropDeployment(deployment):
                    target = deployment
                    self.host.os.undeploy(deployment)
                case steps.HaveOrder(order):
                    target = "deployments"
                    self._have_order(order)
                case steps.HavePin(deployment, pinned):
                    target = deployment
                    if deployment in {each.id for each in self.host.os.deployments()}:
                        self.host.os.pin(deployment, pinned)
        except StoreError as error:
            if says_full(error):
                raise  # nothing after it would fare better
            detail = error.message
        self.host.journal.step(f"{type(step).__name__} {target}")
        if detail:
            self.lacking[target] = Drift("missing", target, detail)
        else:
            self.lacking.pop(target, None)

    # Images

    def _have_image(self, name: ImageId) -> None:
        view = self.host.store.view()
        stored, recorded = view.images.get(name), self.past.recorded.images[name]
        known = stored is not None and (recorded.digest is None or recorded.digest in stored.digests)
        if stored is not None and known and complete(stored, view):
            return
        asked = []
        for source in sources_of(recorded, self.places):
            try:
                self._bring(recorded, source)
            except StoreError as error:
                asked.append(error.message)
                continue
            self.sources[name] = str(source)
            return
        raise NotFound(f"image {name[:12]} cannot be had: {'; '.join(asked) or 'no place is known where it came from'}")

    def _bring(self, image: RecordedImage, source: ImageSource) -> None:
        """By digest: whatever else a place has under that name is not taken."""
        host = self.host
        registry = host.registry.over(self.places.registry)
        resolved = self._resolved(image, source, registry)
        host.progress(f"image {image.id[:12]} from {source}")
        found = host.store.pull(resolved, registry, host.progress)
        if found != image.id:
            raise NotFound(f"{source} has image {found[:12]}")

    def _resolved(self, image: RecordedImage, source: ImageSource, registry: RegistryOptions) -> ResolvedImage:
        by_digest = isinstance(source, ImageReference) and image.digest is not None
        asked = source.at(image.digest) if isinstance(source, ImageReference) and image.digest else source
        resolved = self.host.source.resolve(asked, registry)
        wanted = image.digest if by_digest or image.digest is not None else resolved.digest
        if resolved.digest != wanted or resolved.config_digest != f"sha256:{image.id}":
            raise NotFound(f"{source} has {resolved.digest} instead of {image.digest or image.id[:12]}")
        return resolved

    # Deployments

    def _have_deployment(self, step: steps.HaveDeployment) -> None:
        if step.deployment in {each.id for each in self.host.os.deployments()}:
            return
        view = self.host.store.view()
        absent = [image for image in step.needs if image not in view.images or not complete(view.images[image], view)]
        if absent and not self.incomplete:
            names = ", ".join(image[:12] for image in absent)
            raise NotFound(f"it is not deployed, since it binds what is not there: image {names}")
        self._have_commit(step.commit)
        self.host.progress(f"deploying {step.deployment}")
        self.host.os.restore(step.deployment, origin=step.origin, kargs=step.kargs)

    def _have_commit(self, commit: Commit) -> None:
        asked = []
        for source in (None, self.places.commits, *(source for _, source in self.past.fetched.get(commit, []))):
            try:
                if source is None:
                    self.host.os.resolve(commit)
                elif source:
                    self.host.os.fetch(commit, source)
                else:
                    continue
            except StoreError as error:
                asked += [error.message] if source else []
                continue
            for ref, meant in self.past.refs.items():
                if meant == commit and ":" not in ref:
                    self.host.os.name_commit(ref, commit)
            return
        raise NotFound(f"commit {commit[:12]} cannot be had: {'; '.join(asked) or 'no place is known'}")

    def _have_order(self, order: tuple[DeploymentId, ...]) -> None:
        """As far as they are there; whatever else is there comes after them."""
        there = [each.id for each in self.host.os.deployments()]
        listed = [name for name in order if name in there]
        if there:
            self.host.os.set_order([*listed, *(name for name in there if name not in order)])
