"""Running again what a pipeline of batch inference missed, or made of input that has changed."""
