"""What AWS's image sagemaker-clarify-processing does for bias metrics. Explainability (SHAP, PDP) is refused by name."""
