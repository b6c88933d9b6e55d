"""Debian packages, pinned by version and SHA-256, fetched through this machine's apt: folders and root file
systems."""
