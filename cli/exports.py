"""What exporting commands share: recording that events left the machine."""

from cli.session import Session
from domain.errors import StoreError
from domain.events.audit import AuditExported
from domain.ports import RegistryOptions


def record_export(session: Session, event: AuditExported) -> None:
    """Record it where that can be done now: an auditor with read-only access exports, too, and is told."""
    try:
        with session.host(0, RegistryOptions()) as host:
            host.journal.record(event)
    except (StoreError, OSError) as error:
        session.out.note(f"the export is not recorded in the log: {error}")
