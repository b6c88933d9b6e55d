"""Clusters of processes, with simulated nodes."""
