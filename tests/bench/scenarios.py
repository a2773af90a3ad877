"""Every scenario by its name: the module that has it. A line each."""

SCENARIOS: dict[str, str] = {
    "burst": "tests.bench.burst.scenario",
    "steady": "tests.bench.steady",
    "scale": "tests.bench.scale",
    "ingest": "tests.bench.ingest",
    "workers": "tests.bench.workers",
    "index": "tests.bench.index",
    "requests": "tests.bench.requests",
}
