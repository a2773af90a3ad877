"""Tests of the worker role, loop by loop, with an API server and a Redis in memory."""
