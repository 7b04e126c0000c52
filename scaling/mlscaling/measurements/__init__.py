"""What was counted of a demand and tested of an instance. Standard library only."""
