"""Why a row of the table is where it is, as the profile shows it: printed for those that were not reached."""

REASONS: dict[str, str] = {}
