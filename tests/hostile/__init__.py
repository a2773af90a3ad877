"""What comes from Redis and from the API server, written by somebody who means no good."""
