"""The function behind an endpoint's models: CloudFormation asks it for versions, and approvals have it bring them into service.

The standard library and boto3 only. `resolve` answers deployments, `follow` approvals, `leftovers` clears up behind both.
"""
