"""On which machine a job runs, and until when it may wait for spot capacity. Standard library only."""
