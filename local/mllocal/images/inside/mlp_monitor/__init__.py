"""What AWS's image sagemaker-model-monitor-analyzer does for data quality and model quality, in pandas on one machine."""
