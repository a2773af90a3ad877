"""The same manifests as CronJobs and as RedisTimers on one control plane: what they are, and what became of them.

The tests are in tests/integration/test_conformance.py; docs/cronjob.md says in words what they show.
"""
