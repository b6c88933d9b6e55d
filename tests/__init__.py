"""Tests of the project's own code; none needs a cluster."""
