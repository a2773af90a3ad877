"""When, in Redis: due times and leases of tickets. A rebuildable index, never the truth."""
