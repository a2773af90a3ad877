"""The API server: one thin client, the paths of what it serves, and leadership by Lease."""
