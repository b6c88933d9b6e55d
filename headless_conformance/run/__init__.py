"""One run from beginning to end, and runs of several."""
