"""Tests of controller/core/schedule."""
