"""Reusable CDK constructs of the ML platform."""
