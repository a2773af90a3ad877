"""The product on a real API server and a real Redis: what a user sees, whatever happens."""
