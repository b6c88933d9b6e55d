"""The runner: everything that happens before and after pytest (settings, engine, images, clean-up, exit codes)."""
