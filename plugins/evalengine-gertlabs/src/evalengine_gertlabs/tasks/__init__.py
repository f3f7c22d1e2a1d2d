"""Verifiable tasks: one problem each, made by a generator that knows its answer, scored by a rule."""
