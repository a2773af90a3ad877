"""What keeps a benchmark from measuring."""


class BenchError(Exception):
    """The run could not measure what it is about; the message says why and what to do."""
