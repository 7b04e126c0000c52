"""The policy that meets an objective at the lowest cost, and why it has its numbers. With numpy."""
