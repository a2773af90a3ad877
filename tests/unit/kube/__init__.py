"""Tests of the API server client and of leadership; and the API server in memory that other tests use."""
