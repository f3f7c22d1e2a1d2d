"""Stored runs as tables and files: what is chosen of them, how names are hidden, where it is written."""
