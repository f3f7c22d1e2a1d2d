"""Live matches: seats that people and programs elsewhere take, without any HTTP; `matches.LiveMatches` is the door."""
