"""A stored run as pages: records are gathered, filled into templates, and written as a folder.

`gathering` and `matches` read the store and return plain records; `pages` fills templates with them and knows neither
store nor folder; `site` writes all of a run as static files, which `folder` puts in place in one step.
"""
