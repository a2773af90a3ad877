"""The demo: a cluster, one controller, two workers and a timer of each kind, live. `python -m tests.demo --help`."""
