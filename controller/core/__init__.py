"""The functional core: no I/O, no clock of its own; the same arguments always give the same answer."""
