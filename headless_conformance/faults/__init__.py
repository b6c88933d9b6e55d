"""Faults and variations: what is broken on purpose, and what must not matter."""
