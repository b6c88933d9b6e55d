"""Node and workload images and the programs in them, built from package registries."""
