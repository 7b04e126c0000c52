"""Scaling policies on the command line: from files to a replay, and from a replay to tables, charts and files."""
