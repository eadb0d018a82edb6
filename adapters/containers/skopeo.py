"""Looking images up, and how every call of skopeo reaches registries. The copying itself: `container_store`."""

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

from adapters.containers.backup_source import original_manifest
from adapters.process import Result, Runner
from domain.errors import BadInput, ImageUnavailable, ProgramFailed
from domain.manifests import ImageManifest, ManifestList, Platform, parse_manifest
from domain.ports import RegistryOptions, ResolvedImage
from domain.references import ImageReference, ImageSource
from domain.values import Digest

LOOK_UP_TIMEOUT_S = 60.0
# Where bootc looks for credentials, in its order.
_AUTH_FILES = (Path("/run/ostree/auth.json"), Path("/etc/ostree/auth.json"), Path("/usr/lib/ostree/auth.json"))
_POLICY_FILES = (Path("/etc/containers/policy.json"), Path("/usr/share/containers/policy.json"))
_LOGGED = re.compile(r'time="[^"]*" level=(?:fatal|error) msg="(?P<message>(?:[^"\\]|\\.)*)"')
# As Go names architectures (runtime.GOARCH); skopeo looks for these in a manifest list.
_ARCHITECTURES = {
    "x86_64": ("amd64", ""), "aarch64": ("arm64", "v8"), "armv7l": ("arm", "v7"), "armv6l": ("arm", "v6"),
    "ppc64le": ("ppc64le", ""), "s390x": ("s390x", ""), "riscv64": ("riscv64", ""), "i686": ("386", ""),
}  # fmt: skip


def before_command(registry: RegistryOptions) -> list[str]:
    """Options of skopeo itself."""
    return [f"--policy={registry.policy}"] if registry.policy else []


def for_source(registry: RegistryOptions, prefix: str = "") -> list[str]:
    """Options of `inspect` (no prefix) and of `copy` (`src-`)."""
    authfile = registry.authfile or next((str(path) for path in _AUTH_FILES if path.exists()), None)
    options = [f"--{prefix}authfile={authfile}"] if authfile else []
    if registry.cert_dir is not None:
        options.append(f"--{prefix}cert-dir={registry.cert_dir}")
    if registry.tls_verify is not None:
        options.append(f"--{prefix}tls-verify={'true' if registry.tls_verify else 'false'}")
    return options


def require_files(registry: RegistryOptions) -> None:
    """skopeo does not run without a signature policy; its own message does not say where one comes from.

    Raises BadInput for a file that is not there.
    """
    for option, named in (("--authfile", registry.authfile), ("--policy", registry.policy)):
        if named is not None and not Path(named).is_file():
            raise BadInput(f"{option}: there is no file {named}", hint="name a file that this machine has")
    if registry.cert_dir is not None and not Path(registry.cert_dir).is_dir():
        raise BadInput(f"--cert-dir: there is no directory {registry.cert_dir}", hint="see containers-certs.d(5)")
    home = Path(os.environ.get("HOME", "/root")) / ".config/containers/policy.json"
    if registry.policy is None and not any(path.exists() for path in (home, *_POLICY_FILES)):
        raise BadInput(
            f"there is no signature policy: {_POLICY_FILES[0]} does not exist",
            hint="install containers-common (Debian: golang-github-containers-common), or name one with --policy",
        )


def host_platform() -> Platform:
    """What this machine runs, as manifest lists name it."""
    machine = platform.machine()
    return Platform("linux", *_ARCHITECTURES.get(machine, (machine, "")))


def skopeo_name(source: ImageSource) -> str:
    """The source as skopeo takes it."""
    if isinstance(source, ImageReference):
        # With tag and digest both, skopeo refuses: the digest says it all.
        return f"docker://{source.at(source.digest) if source.digest else source}"
    return str(source)


def reason(result: Result) -> str:
    """What skopeo complained about, without its log format."""
    messages = _LOGGED.findall(result.complaint)
    return messages[-1].replace('\\"', '"') if messages else result.complaint


@dataclass(frozen=True, slots=True)
class Skopeo:
    """Implements `domain.ports.ImageSourcePort`."""

    runner: Runner

    def resolve(self, source: ImageSource, registry: RegistryOptions) -> ResolvedImage:
        """Which image the source means now, on this machine. Raises ImageUnavailable, BadInput (no policy)."""
        require_files(registry)
        try:
            manifest = self._manifest(source, skopeo_name(source), registry)
            found = parse_manifest(original_manifest(source, manifest) or manifest)
            _require_named(source, found.digest)
            if isinstance(found, ImageManifest):
                return ResolvedImage(source, found.digest, None, found.config, found.layers)
            return self._instance(source, found, registry)
        except BadInput as error:
            raise ImageUnavailable(f"{source}: {error.message}", hint=error.hint) from error

    def _instance(self, source: ImageSource, found: ManifestList, registry: RegistryOptions) -> ResolvedImage:
        chosen = found.choose(host_platform())
        if not isinstance(source, ImageReference):
            raise BadInput("it is a list of images for several platforms, in a place where one cannot be chosen")
        manifest = parse_manifest(self._manifest(source, skopeo_name(source.at(chosen)), registry))
        if not isinstance(manifest, ImageManifest) or manifest.digest != chosen:
            raise BadInput(f"the registry answered {manifest.digest} when asked for {chosen}")
        return ResolvedImage(source, chosen, found.digest, manifest.config, manifest.layers)

    def _manifest(self, source: ImageSource, name: str, registry: RegistryOptions) -> bytes:
        argv = ["skopeo", *before_command(registry), "inspect", "--raw", *for_source(registry), name]
        try:
            # Looking into another container store mounts it over itself.
            result = self.runner.run(argv, timeout=LOOK_UP_TIMEOUT_S, check=False, private_mounts=True, transfers=True)
        except ProgramFailed as error:
            raise ImageUnavailable(f"{source}: {error.message}", hint=error.hint or _HINT) from error
        if result.code:
            raise ImageUnavailable(f"{source}: {reason(result)}", hint=_HINT)
        return result.stdout


def _require_named(source: ImageSource, digest: Digest) -> None:
    if isinstance(source, ImageReference) and source.digest not in (None, digest):
        raise BadInput(f"the registry answered {digest} when asked for {source.digest}")


_HINT = "is the name right, the registry up, and --authfile or --no-tls-verify needed?"
