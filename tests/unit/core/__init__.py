"""The functional core, from spec to status."""
