"""What happens under policies on the days that are known. With numpy."""
