"""Puts one fault or variation into a run of the suite, by pytest's override of fixtures and its hooks."""
