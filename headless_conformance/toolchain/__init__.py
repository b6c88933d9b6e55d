"""Programs built from package registries: Go modules, Debian packages, kubectl."""
