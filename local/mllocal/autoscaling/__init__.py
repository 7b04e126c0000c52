"""Application Auto Scaling: scalable targets, policies and scheduled actions that really change the capacity of endpoints."""
