"""Events in the forms that other programs read. None of them proves anything: each row leads back to a leaf hash."""
