"""The `SM_*` variables of the training toolkit."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .hyperparameters import variable
from .places import CODE, CONFIGURATION, ML

DEFAULT_LOG_LEVEL = 20


@dataclass(frozen=True)
class Run:
    """One start of the user's program: its name, its hyperparameters, its arguments, and the toolkit's own settings."""

    program: str
    hyperparameters: dict[str, Any]
    arguments: list[str]
    settings: dict[str, Any]


def training_variables(run: Run) -> dict[str, str]:
    """Every variable that a script finds, as text."""
    channels = json.loads((CONFIGURATION / "inputdataconfig.json").read_text())
    resources = json.loads((CONFIGURATION / "resourceconfig.json").read_text())
    directories = {name: str(ML / "input" / "data" / name) for name in channels}
    values = {
        **_paths(),
        **_hosts(resources),
        "channels": sorted(channels),
        "hps": run.hyperparameters,
        "user_args": run.arguments,
        "user_entry_point": run.program,
        "module_name": Path(run.program).stem,
        "module_dir": run.settings.get("sagemaker_submit_directory", str(CODE)),
        "framework_module": "",
        "framework_params": {},
        "log_level": run.settings.get("sagemaker_container_log_level", DEFAULT_LOG_LEVEL),
        "input_data_config": channels,
        "num_cpus": int(os.environ.get("SM_NUM_CPUS") or os.cpu_count() or 1),
        "num_gpus": int(os.environ.get("SM_NUM_GPUS") or 0),
        "num_neurons": 0,
    }
    named = {
        **{f"channel_{name}": directory for name, directory in directories.items()},
        **{f"hp_{name}": value for name, value in run.hyperparameters.items()},
    }
    whole = _training_env(values, directories, resources, run)
    everything = {**values, **named, "training_env": whole}
    return {f"SM_{name.upper()}": variable(value) for name, value in everything.items()}


def _paths() -> dict[str, Any]:
    return {
        "model_dir": str(ML / "model"),
        "input_dir": str(ML / "input"),
        "input_config_dir": str(CONFIGURATION),
        "output_dir": str(ML / "output"),
        "output_data_dir": str(ML / "output" / "data"),
        "output_intermediate_dir": str(ML / "output" / "intermediate"),
    }


def _hosts(resources: Mapping[str, Any]) -> dict[str, Any]:
    groups = resources.get("instance_groups", [])
    group = resources.get("current_group_name", "homogeneousCluster")
    return {
        "hosts": resources["hosts"],
        "current_host": resources["current_host"],
        "network_interface_name": resources["network_interface_name"],
        "current_instance_type": resources["current_instance_type"],
        "current_instance_group": group,
        "current_instance_group_hosts": next(
            (item["hosts"] for item in groups if item["instance_group_name"] == group), resources["hosts"]
        ),
        "instance_groups": [item["instance_group_name"] for item in groups],
        "instance_groups_dict": {item["instance_group_name"]: item for item in groups},
        "is_hetero": len(groups) > 1,
        "resource_config": resources,
    }


def _training_env(
    values: Mapping[str, Any], directories: Mapping[str, str], resources: Mapping[str, Any], run: Run
) -> dict[str, Any]:
    return {
        "channel_input_dirs": directories,
        "hyperparameters": run.hyperparameters,
        "is_master": resources["current_host"] == resources["hosts"][0],
        "master_hostname": resources["hosts"][0],
        "job_name": os.environ.get("TRAINING_JOB_NAME", ""),
        **{name: value for name, value in values.items() if name not in ("hps", "channels", "user_args")},
    }
