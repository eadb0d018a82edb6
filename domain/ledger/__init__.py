"""The log's public formats: record, tree, checkpoint, proof. Bytes in, values out; see docs/reference/log-format.md."""
