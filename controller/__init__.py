"""RedisTimer: RedisTimers become Kubernetes Jobs, on time and once.

`core` decides (pure functions), `index` keeps *when* in Redis, `kube` speaks to the API server,
`reconcile` is the controller role, `worker` the worker role, `observe` shows what they do.
"""
