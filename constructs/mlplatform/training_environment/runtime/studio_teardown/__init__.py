"""Limits user profiles, and empties a Studio domain, a profile or a space before CloudFormation deletes it."""
