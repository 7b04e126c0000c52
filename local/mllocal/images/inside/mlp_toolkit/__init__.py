"""What SageMaker's training and inference toolkits do in AWS's framework images. Only the standard library and the image's packages.

The prefix of all paths is ML_ROOT (default /opt/ml), so that it also works where that path cannot be mounted.
"""
