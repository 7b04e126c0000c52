"""`mlp`, the command line of the ML platform: plain boto3 against AWS or against the embedded AWS."""
