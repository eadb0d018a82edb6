"""What can be seen: pure folds of events. Every one can be thrown away and built again from the log."""
