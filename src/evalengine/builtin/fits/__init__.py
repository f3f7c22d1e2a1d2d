"""What the batch raters compute with: pure functions of counts, without any state."""
