"""Where a cluster comes from: one folder for each provider."""
