"""Tests: unit (no services), redis (one contract, fake and real server), integration (a real API server)."""
