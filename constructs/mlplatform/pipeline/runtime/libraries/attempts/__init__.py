"""What the platform knows of attempts at the work of a pipeline, whatever the pipeline is for: how they fail, and who remembers it."""
