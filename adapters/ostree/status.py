"""What `ostree admin status` prints, and what the boot loader entries and origin files add, as deployments.

Which deployment is booted or staged, and their order, only libostree knows for certain, so it is asked. What it does
not print is read: origins and kernel arguments.
"""

import configparser
import os
import re
from collections.abc import Mapping
from pathlib import Path

from domain.errors import BadInput
from domain.kernel_arguments import split_kargs
from domain.ports import OsDeployment
from domain.values import Commit, DeploymentId, DeploymentName, Stateroot, parse_deployment

# "* demo 072e….1 (staged)": the star is the booted one's; in brackets staged, finalization locked, pending, rollback.
_DEPLOYMENT = re.compile(
    r"(?P<mark>[* ]) (?P<stateroot>[^\s*]+) (?P<commit>[0-9a-f]{64})\.(?P<serial>\d+)(?P<state>(?: \([^()]*\))*)"
)
_STAGED = ("(staged)", "(finalization locked)")
_NONE = "No deployments."


def parse_status(text: str, sysroot: Path, boot: Path) -> tuple[OsDeployment, ...]:
    """The deployments in ostree's order. Kernel arguments come from the entries in `boot`; a staged deployment has none
    there until it is finalised, at shutdown.

    Raises BadInput for an output that does not fit what lies in the sysroot: a commit's version is printed as it is,
    line ends and all, and could look like another deployment.
    """
    if text.strip() == _NONE:
        return ()
    kargs = read_kargs(sysroot, boot)
    found: dict[DeploymentId, OsDeployment] = {}
    for match in filter(None, map(_DEPLOYMENT.fullmatch, text.split("\n"))):
        name = DeploymentName(Stateroot(match["stateroot"]), Commit(match["commit"]), int(match["serial"]))
        if name.id in found or not deployment_path(sysroot, name).is_dir():
            raise BadInput(f"'ostree admin status' lists {name.id} twice, or without its root", hint="see what it says")
        staged = any(word in match["state"] for word in _STAGED)
        found[name.id] = _deployment(name, sysroot, kargs.get(name.id, ()), booted=match["mark"] == "*", staged=staged)
    if not found or not kargs.keys() <= found.keys():
        missing = ", ".join(sorted(kargs.keys() - found.keys())) or "any deployment"
        raise BadInput(f"'ostree admin status' does not list {missing}", hint="see what it says")
    return tuple(found.values())


def _deployment(
    name: DeploymentName, sysroot: Path, kargs: tuple[str, ...], *, booted: bool, staged: bool
) -> OsDeployment:
    origin = read_origin(sysroot, name)
    pinned = origin.get("libostree-transient", "pinned", fallback="false") == "true"
    return OsDeployment(
        name.id, name.stateroot, name.commit, name.serial, _refspec(origin), kargs, booted, staged, pinned
    )


def deployment_path(sysroot: Path, name: DeploymentName) -> Path:
    """The deployment's root."""
    return sysroot / f"ostree/deploy/{name.stateroot}/deploy/{name.commit}.{name.serial}"


def read_origin(sysroot: Path, name: DeploymentName) -> configparser.ConfigParser:
    """The deployment's origin file (a GKeyFile); empty where there is none."""
    parser = configparser.ConfigParser(interpolation=None, strict=False, delimiters=("=",), comment_prefixes=("#",))
    root = deployment_path(sysroot, name)
    try:
        parser.read_string(root.with_name(root.name + ".origin").read_text("utf-8"))
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError, configparser.Error) as error:
        raise BadInput(f"the origin file of {name.id} cannot be read: {error}") from error
    return parser


def _refspec(origin: configparser.ConfigParser) -> str:
    """Where the deployment came from, as ostree, or rpm-ostree and bootc, write it there."""
    for key in ("refspec", "container-image-reference", "baserefspec"):
        if origin.has_option("origin", key):
            return origin.get("origin", key)
    return ""


def read_kargs(sysroot: Path, boot: Path) -> Mapping[DeploymentId, tuple[str, ...]]:
    """Kernel arguments by deployment, from the boot loader entries (the Boot Loader Specification's type 1), without
    ostree's own `ostree=`, which is how an entry names its deployment: by a link to it.
    """
    found: dict[DeploymentId, tuple[str, ...]] = {}
    for entry in sorted((boot / "loader/entries").glob("ostree-*.conf")):
        try:
            lines = entry.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"the boot loader entry {entry} cannot be read: {error}") from error
        words = [word for line in lines if line.split()[:1] == ["options"] for word in split_kargs(line)[1:]]
        for link in [word.removeprefix("ostree=") for word in words if word.startswith("ostree=")][:1]:
            name = _linked(sysroot, link)
            if name is not None:
                found[name.id] = tuple(word for word in words if not word.startswith("ostree="))
    return found


def _linked(sysroot: Path, link: str) -> DeploymentName | None:
    """The deployment of this sysroot that a link `/ostree/boot.1/…` leads to; None for an entry of another one."""
    root = Path(os.path.realpath(sysroot / link.lstrip("/")))
    stateroot = root.parent.parent
    if stateroot.parent != Path(os.path.realpath(sysroot / "ostree/deploy")) or not root.is_dir():
        return None
    return parse_deployment(f"{stateroot.name}-{root.name}")
