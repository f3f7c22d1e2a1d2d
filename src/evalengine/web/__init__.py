"""The server: keys, jobs, guard, application, process. The libraries of the extra `web` are imported where used.

rows -> keys, job_rows -> running -> house -> api, guard -> app -> serve; in a job's process: job_process, evaluating.
"""
