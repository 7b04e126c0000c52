"""Empties a Studio domain, a user profile or a space before CloudFormation deletes it."""
