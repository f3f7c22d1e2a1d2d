"""The pages of the server, for people: runs, matches, agents, games, live matches, jobs.

`reading` takes records from the database, `positions` draws live matches, `visitors` knows who looks; the modules that
end in `_pages` answer requests with both, filled into the templates of the static report and those beside them here.
"""
