"""The contract of the index, kept by fakeredis and by a real server alike."""
