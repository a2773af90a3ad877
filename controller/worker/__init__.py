"""The worker role: poll for what is due, lease it, create its Job, acknowledge. Any number run side by side."""
