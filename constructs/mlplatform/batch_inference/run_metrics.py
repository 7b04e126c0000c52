"""The metrics of a pipeline's runs, as alarms and dashboards name them. The functions of the runs put them."""

from __future__ import annotations

NAMESPACE = "MLPlatform/BatchInference"
DIMENSION = "Pipeline"

DURATION_SECONDS = "DurationSeconds"
ROWS = "Rows"
SET_ASIDE_ROWS = "SetAsideRows"
COST_USD = "CostUSD"
ATTEMPTS = "Attempts"
FAILED_RUNS = "FailedRuns"
OUTPUT_AGE_SECONDS = "OutputAgeSeconds"
FORECAST_LATE_SECONDS = "ForecastLateSeconds"
INPUT_DRIFT = "InputDrift"
PREDICTION_DRIFT = "PredictionDrift"

TICK_SECONDS = 300
"""How often the controller looks, and puts the metrics that change by themselves."""
