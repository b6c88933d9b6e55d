"""Everything that hooks into pytest."""
