"""Real-time endpoints: instances that are serving processes, fleets of them, deployments, and what they tell CloudWatch."""
