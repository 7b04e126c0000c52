"""SageMaker's API operations. Importing a module here registers what it carries out."""
