"""The container engine: the person's Docker, or a private one."""
