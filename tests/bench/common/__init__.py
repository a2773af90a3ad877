"""What the scenarios share: where it ran, CPU, manifests, arrivals, documents and their tables."""
