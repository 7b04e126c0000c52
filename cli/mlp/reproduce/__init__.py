"""Run a recorded run again from the store alone, and judge whether it came out the same (docs/reproduce.md)."""
