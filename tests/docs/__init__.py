"""The documentation, held against what there is: every example is tried, every reference followed."""
