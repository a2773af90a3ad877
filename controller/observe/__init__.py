"""What operators of a cluster see: logs, metrics, health."""
