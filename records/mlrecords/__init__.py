"""Run records: what is known of each job, pipeline execution, model version and script run, in one open format.

Pure but for the store, with the standard library and boto3 alone: functions in AWS, the command line and scripts of teams share it.
"""
