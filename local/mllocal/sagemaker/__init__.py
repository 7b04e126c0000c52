"""What the embedded SageMaker is made of: its documents, the kinds of its resources, the wire format, the service."""
