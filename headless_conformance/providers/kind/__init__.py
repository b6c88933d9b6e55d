"""Clusters of kind."""
