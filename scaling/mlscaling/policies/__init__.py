"""What may be deployed: the parts of a policy, all of it as one object, and what is wrong with one. Standard library only."""
