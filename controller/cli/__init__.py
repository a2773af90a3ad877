"""The `redistimer` command. `app.py` has its commands; each imports what it needs, so that `next` starts quickly."""
