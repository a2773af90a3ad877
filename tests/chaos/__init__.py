"""The whole product under faults: real API server, real Redis, real processes, and an auditor that knows none of them.

``make chaos SEED=7 FOR=1500``. The seed decides the timers, what users do, the faults and their instants. What ran is
recorded past every fault, and held against what the specifications called for by code of its own.
"""
