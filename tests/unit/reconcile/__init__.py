"""Tests of the controller role, part by part, with an API server and a Redis in memory."""
