"""How programs speak: one file a dialect, without any I/O."""
