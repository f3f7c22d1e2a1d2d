"""Live matches: seats that people and programs elsewhere take, without any HTTP; `matches.LiveMatches` is the door.

To read: `values` and `messages`, then `sessions`, `matches`, `keeper`, and `table` for the other side.
"""
