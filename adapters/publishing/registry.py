"""A checkpoint as an OCI artifact: in a registry (`docker://HOST/REPO:TAG`), or in an OCI layout (`oci:DIR:TAG`).

manifest  artifactType application/vnd.storectl.checkpoint.v1, annotated with origin and size
config    the empty descriptor ({}, application/vnd.oci.empty.v1+json), as the image specification says for artifacts
layers    the signed note; and the same with the proof from the checkpoint published there before
"""

import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from adapters.process import Runner
from domain.errors import Failed
from domain.ledger.checkpoint import NoteSignature
from domain.ledger.submission import Submission
from domain.ports import RegistryOptions
from domain.publishing import ProofFrom

ARTIFACT = "application/vnd.storectl.checkpoint.v1"
_PROOF = "application/vnd.storectl.checkpoint-proof.v1"
_EMPTY = "application/vnd.oci.empty.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class RegistryDestination:
    """Implements `domain.publishing.Destination`; skopeo brings it there. `last_size`: of the checkpoint before."""

    target: str
    off_host: bool
    runner: Runner
    options: RegistryOptions
    last_size: int = 0

    @property
    def name(self) -> str:
        return self.target

    def publish(self, proof_from: ProofFrom) -> tuple[NoteSignature, ...]:
        """Raises Failed where skopeo does."""
        made = proof_from(self.last_size)
        with tempfile.TemporaryDirectory(prefix="storectl-checkpoint-") as directory:
            write_artifact(Path(directory), made)
            # The policy says whose images are run here. This is none, and it goes away from here.
            argv = ["skopeo", "--insecure-policy", "copy", "--quiet", *self._options()]
            self.runner.run([*argv, f"oci:{directory}:checkpoint", self.target], timeout=_TIMEOUT_S, transfers=True)
        return ()

    def _options(self) -> list[str]:
        chosen = []
        for name, value in (("dest-authfile", self.options.authfile), ("dest-cert-dir", self.options.cert_dir)):
            chosen += [f"--{name}", value] if value else []
        tls = self.options.tls_verify
        return chosen if tls is None else [*chosen, f"--dest-tls-verify={'true' if tls else 'false'}"]


def write_artifact(directory: Path, made: Submission) -> None:
    """An OCI layout with one artifact, tagged `checkpoint`. Raises Failed."""
    checkpoint = made.checkpoint
    blobs = directory / "blobs/sha256"

    def blob(data: bytes, media_type: str, title: str = "") -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        described: dict[str, object] = {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}
        return {**described, "annotations": {"org.opencontainers.image.title": title}} if title else described

    try:
        blobs.mkdir(parents=True)
        manifest = {
            "schemaVersion": 2, "mediaType": _MANIFEST, "artifactType": ARTIFACT, "config": blob(b"{}", _EMPTY),
            "layers": [
                blob(made.note.encode(), ARTIFACT, "checkpoint"), blob(str(made).encode(), _PROOF, "checkpoint.proof"),
            ],
            "annotations": {
                "org.storectl.checkpoint.origin": checkpoint.origin,
                "org.storectl.checkpoint.size": str(checkpoint.size),
            },
        }  # fmt: skip
        described = blob(json.dumps(manifest, sort_keys=True).encode(), _MANIFEST)
        described["annotations"] = {"org.opencontainers.image.ref.name": "checkpoint"}
        (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [described]}))
        (directory / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))
    except OSError as error:
        raise Failed(f"cannot write {directory}: {error.strerror}") from error
