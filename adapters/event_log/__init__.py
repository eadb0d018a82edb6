"""The event log in an SQLite file, on the eventsourcing library's recorder; reading does without the library."""
