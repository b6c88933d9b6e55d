"""Tests of the reference model of the records."""
