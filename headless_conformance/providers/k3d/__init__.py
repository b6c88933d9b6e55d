"""Clusters of k3d."""
