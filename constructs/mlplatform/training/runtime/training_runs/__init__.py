"""The functions that choose the machine of a training job, and start a failed execution again where another machine can help."""
