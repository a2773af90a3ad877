"""What the demo and the benchmarks share: the product as real processes, a recording watch, and the accounts."""
