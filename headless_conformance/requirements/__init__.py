"""What the documents promise: registers of requirements."""
