"""Node and workload images, built from packages."""
