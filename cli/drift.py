"""Where the store and ostree differ from the log at the moment, in words; nothing is recorded."""

from adapters.containers.records import read_store
from application.recovery.drift import differences
from cli.session import Session
from domain.errors import StoreError


def drift(session: Session) -> list[str]:
    """One sentence a difference; empty: none."""
    try:
        view = read_store(session.layout.store)
    except StoreError as error:
        return [f"the container store cannot be read: {error.message}"]
    return differences(session.graph(), view, tuple(session.deployments_there()))
