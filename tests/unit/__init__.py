"""Tests of the pure parts: no network, no Redis, no cluster."""
