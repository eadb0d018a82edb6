"""Events of deployments. `order` is ostree's order of all deployments after the event, the default first."""

from dataclasses import dataclass
from typing import ClassVar

from domain.values import Commit, DeploymentId, Digest, ImageId, OperationId, Stateroot


@dataclass(frozen=True, slots=True)
class SealedImage:
    """One member of a sealed set; `digest` was compared with what lies in the store."""

    name: str
    reference: str
    digest: Digest
    image: ImageId


@dataclass(frozen=True, slots=True)
class DeploymentSealed:
    """Every image that the commit binds is present and checked: now it may be deployed, by this operation alone."""

    kind: ClassVar[str] = "deployment.sealed"
    schema: ClassVar[int] = 1
    operation: OperationId
    stateroot: Stateroot
    commit: Commit
    images: tuple[SealedImage, ...]

    @property
    def stream(self) -> str:
        return f"operation/{self.operation}"


@dataclass(frozen=True, slots=True)
class DeploymentDeployed:
    kind: ClassVar[str] = "deployment.deployed"
    schema: ClassVar[int] = 1
    deployment: DeploymentId
    stateroot: Stateroot
    commit: Commit
    serial: int
    origin: str
    kargs: tuple[str, ...]
    sealed_by: OperationId
    order: tuple[DeploymentId, ...]

    @property
    def stream(self) -> str:
        return f"deployment/{self.deployment}"


@dataclass(frozen=True, slots=True)
class DeploymentObserved:
    """A deployment was found that storectl did not make. What it binds follows as ImageBound, as far as it is there."""

    kind: ClassVar[str] = "deployment.observed"
    schema: ClassVar[int] = 1
    deployment: DeploymentId
    stateroot: Stateroot
    commit: Commit
    serial: int
    origin: str
    kargs: tuple[str, ...]
    pinned: bool
    order: tuple[DeploymentId, ...]
    unresolved: tuple[str, ...]

    @property
    def stream(self) -> str:
        return f"deployment/{self.deployment}"


@dataclass(frozen=True, slots=True)
class DeploymentRolledBack:
    """`deployment` is the default now; `previous` was before."""

    kind: ClassVar[str] = "deployment.rolled-back"
    schema: ClassVar[int] = 1
    deployment: DeploymentId
    previous: DeploymentId
    order: tuple[DeploymentId, ...]

    @property
    def stream(self) -> str:
        return f"deployment/{self.deployment}"


@dataclass(frozen=True, slots=True)
class DeploymentRemoved:
    kind: ClassVar[str] = "deployment.removed"
    schema: ClassVar[int] = 1
    deployment: DeploymentId
    reason: str
    order: tuple[DeploymentId, ...]

    @property
    def stream(self) -> str:
        return f"deployment/{self.deployment}"


@dataclass(frozen=True, slots=True)
class DeploymentGone:
    """A deployment that the log knew was not there any more: somebody else removed it."""

    kind: ClassVar[str] = "deployment.gone"
    schema: ClassVar[int] = 1
    deployment: DeploymentId
    order: tuple[DeploymentId, ...]

    @property
    def stream(self) -> str:
        return f"deployment/{self.deployment}"


@dataclass(frozen=True, slots=True)
class DeploymentsReordered:
    """Somebody else changed the order, and with it the default."""

    kind: ClassVar[str] = "deployments.reordered"
    schema: ClassVar[int] = 1
    order: tuple[DeploymentId, ...]

    @property
    def stream(self) -> str:
        return "deployments"


@dataclass(frozen=True, slots=True)
class DeploymentPinned:
    """ostree itself keeps the deployment now; `observed` where somebody else said so."""

    kind: ClassVar[str] = "deployment.pinned"
    schema: ClassVar[int] = 1
    deployment: DeploymentId
    observed: bool

    @property
    def stream(self) -> str:
        return f"deployment/{self.deployment}"


@dataclass(frozen=True, slots=True)
class DeploymentUnpinned:
    kind: ClassVar[str] = "deployment.unpinned"
    schema: ClassVar[int] = 1
    deployment: DeploymentId
    observed: bool

    @property
    def stream(self) -> str:
        return f"deployment/{self.deployment}"
