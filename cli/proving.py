"""The log's tree for commands that make proofs."""

from adapters.event_log.tree_rows import TreeRows
from adapters.files.cache_file import CacheFile
from application.audit.proving import Prover
from cli.session import Session


def tree_rows(session: Session) -> TreeRows:
    """The tree's hashes, the upper rows from their cache."""
    return TreeRows(session.reader(), CacheFile(session.layout.tree_cache))


def prover(session: Session) -> Prover:
    """Proofs in the tree of the log as it stands now."""
    return Prover(tree_rows(session), session.reader().head())
