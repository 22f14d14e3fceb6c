"""What a pass would write, the limits on it, and how it is shown."""
