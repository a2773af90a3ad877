"""What answers in the API server's place, where its own cost or its limits are not the point of a benchmark."""
