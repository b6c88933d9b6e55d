"""A cluster as tests see it: its API, its DNS servers, what runs in its Pods."""
