"""How the machine is touched: processes, files, databases. Implements the Protocols of `domain.ports`."""
