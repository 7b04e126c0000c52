"""The function behind an endpoint's HTTP API: it asks the model, breaks the circuit when that fails, and logs predictions.

The standard library and boto3 only.
"""
