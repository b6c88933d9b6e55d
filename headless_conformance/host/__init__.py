"""What the machine itself must have."""
