"""The bundle that an auditor takes away: what each of its files says (docs/reference/bundle-format.md)."""
