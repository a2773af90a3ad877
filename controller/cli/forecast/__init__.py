"""`redistimer next`: what fires when, of timers in files or in the cluster."""
