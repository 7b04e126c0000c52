"""ministack, and what this project adds to it. Nothing outside this folder touches ministack."""
