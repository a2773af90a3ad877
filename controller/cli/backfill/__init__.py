"""`redistimer backfill`: runs for a span of time that has passed."""
