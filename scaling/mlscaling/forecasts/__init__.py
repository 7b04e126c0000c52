"""What is known of the demand to come, and the minimum that follows from it. Standard library only."""
