"""The closed table of event kinds. A kind that is not here is from a newer version: reading stops (law 5)."""

from collections.abc import Mapping
from types import MappingProxyType

from domain.events import audit, checkpoint, consumer, deployment, hold, image, key, operation, prune, recovery, store
from domain.events.base import Event, type_name

_EVENTS: tuple[type[Event], ...] = (
    store.StoreInitialised,
    store.StaterootCreated,
    store.CommitFetched,
    store.CommitsPruned,
    store.StoreAdopted,
    store.DriftFound,
    store.DriftRepaired,
    operation.OperationBegun,
    operation.OperationCompleted,
    operation.OperationFailed,
    operation.OperationAborted,
    image.ImagePulled,
    image.ImageObserved,
    image.ImageNamed,
    image.ImageBound,
    image.ImageUnbound,
    image.ImagePruned,
    image.ImageLost,
    image.ImageHealed,
    image.LayerReferenced,
    image.LayerReleased,
    image.LayerPruned,
    image.LayerLost,
    deployment.DeploymentSealed,
    deployment.DeploymentDeployed,
    deployment.DeploymentObserved,
    deployment.DeploymentRolledBack,
    deployment.DeploymentRemoved,
    deployment.DeploymentGone,
    deployment.DeploymentsReordered,
    deployment.DeploymentPinned,
    deployment.DeploymentUnpinned,
    hold.LeaseGranted,
    hold.LeaseReleased,
    hold.PinSet,
    hold.PinRemoved,
    prune.PrunePlanned,
    checkpoint.CheckpointPublished,
    key.KeyAdded,
    key.KeyRotated,
    key.KeyRevoked,
    consumer.ConsumerAdded,
    consumer.ConsumerRemoved,
    consumer.ConsumerReferenceObserved,
    consumer.ConsumerReferenceGone,
    audit.AuditExported,
    recovery.BackupWritten,
    recovery.StoreReplayed,
    recovery.ReplayCompared,
    recovery.DrillHeld,
)

BY_KIND: Mapping[str, type[Event]] = MappingProxyType({event.kind: event for event in _EVENTS})
BY_TYPE_NAME: Mapping[str, type[Event]] = MappingProxyType({type_name(event): event for event in _EVENTS})
