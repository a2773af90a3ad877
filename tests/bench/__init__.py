"""Benchmarks on a local stack; figures of real runs are in docs/performance.md."""
