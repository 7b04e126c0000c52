"""The Lambda functions that look after the runs of batch inference: one asset, the standard library and boto3 only.

`transitions` decides, purely; `state` is what it decides about, one JSON document in S3; `store` changes that document by
compare-and-swap; `controller` carries decisions out. The rest are the steps of a run that are functions.
"""
