"""MLflow's REST API with AWS signatures, by what the Lambda runtime holds: urllib3 and botocore.

SageMaker's MLflow apps and tracking servers are addressed and signed as aws/sagemaker-mlflow does it (auth_provider.py,
mlflow_sagemaker_helpers.py): each kind has a regional endpoint for all of its kind, a service to sign for, and a header for the ARN.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import boto3
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

BATCH_LIMIT = 100  # MLflow REST API, "Log Batch": params and tags in one request.
TIMEOUT_SECONDS = 20

Json = Mapping[str, Any]

_KINDS = {
    "mlflow-app": ("https://mlflow.sagemaker.{region}.app.aws", "sagemaker", "x-sm-mlflow-app-arn"),
    "mlflow-tracking-server": (
        "https://{region}.experiments.sagemaker.aws",
        "sagemaker-mlflow",
        "x-mlflow-sm-tracking-server-arn",
    ),
}


class MlflowError(Exception):
    """MLflow refused a request; `code` is its error code, such as RESOURCE_DOES_NOT_EXIST."""

    def __init__(self, path: str, status: int, code: str | None, message: str | None) -> None:
        super().__init__(f"MLflow answered {path} with {status} {code}: {message}")
        self.code = code


class Mlflow:
    """A client of one MLflow app or tracking server, at `endpoint` if one is given."""

    def __init__(self, app_arn: str, endpoint: str | None = None) -> None:
        _, _, _, region, _, resource = app_arn.split(":")
        address, service, header = _KINDS[resource.partition("/")[0]]
        self._arn_header = {header: app_arn}
        self._endpoint = (address.format(region=region) if endpoint is None else endpoint).rstrip("/")
        self._signer = SigV4Auth(boto3.Session().get_credentials(), service, region)
        # A request that MLflow may have received is not sent again: creating a run twice would make two.
        retries = urllib3.Retry(connect=3, read=False, status=0, other=0, redirect=0, backoff_factor=0.2)
        self._http = urllib3.PoolManager(retries=retries)

    def get(self, path: str, **query: str) -> Json:
        """A GET request."""
        return self._call("GET", f"{path}?{urlencode(query, quote_via=quote)}", b"")

    def post(self, path: str, **body: Any) -> Json:
        """A POST request."""
        return self._call("POST", path, json.dumps(body).encode())

    def find_experiment(self, name: str) -> str | None:
        """The experiment of this name, or None."""
        try:
            return str(self.get("experiments/get-by-name", experiment_name=name)["experiment"]["experiment_id"])
        except MlflowError as error:
            if error.code != "RESOURCE_DOES_NOT_EXIST":
                raise
        return None

    def experiment_id(self, name: str) -> str:
        """The experiment of this name; makes it if there is none."""
        found = self.find_experiment(name)
        if found is not None:
            return found
        try:
            return str(self.post("experiments/create", name=name)["experiment_id"])
        except MlflowError as error:
            if error.code != "RESOURCE_ALREADY_EXISTS":
                raise
        return self.experiment_id(name)

    def run(self, run_id: str) -> Json | None:
        """A run by its id, or None."""
        try:
            found: Json = self.get("runs/get", run_id=run_id)["run"]
        except MlflowError as error:
            if error.code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None
        return found

    def find_run(self, experiment_ids: Sequence[str], tag: str, value: str) -> str | None:
        """The id of the oldest run in the experiments that has this tag, or None. Deleted runs count."""
        found = self.post(
            "runs/search",
            experiment_ids=list(experiment_ids),
            filter=f"tags.`{tag}` = '{value}'",
            run_view_type="ALL",
            order_by=["attributes.start_time ASC"],
            max_results=1,
        )
        return next((str(run["info"]["run_id"]) for run in found.get("runs", [])), None)

    def log(self, run_id: str, *, params: Mapping[str, str], metrics: Sequence[Json], tags: Mapping[str, str]) -> None:
        """Params, metrics and tags of a run, in as few requests as MLflow allows."""
        listed_params = [{"key": key, "value": value} for key, value in params.items()]
        listed_tags = [{"key": key, "value": value} for key, value in tags.items()]
        for start in range(0, max(len(listed_params), len(listed_tags), len(metrics)), BATCH_LIMIT):
            part = slice(start, start + BATCH_LIMIT)
            self.post(
                "runs/log-batch",
                run_id=run_id,
                params=listed_params[part],
                metrics=list(metrics[part]),
                tags=listed_tags[part],
            )

    def _call(self, method: str, path: str, body: bytes) -> Json:
        url = f"{self._endpoint}/api/2.0/mlflow/{path}"
        headers = {
            "Content-Type": "application/json",
            **self._arn_header,
            "X-Amz-Content-SHA256": hashlib.sha256(body).hexdigest(),
        }
        request = AWSRequest(method=method, url=url, data=body, headers=headers)
        self._signer.add_auth(request)
        answer = self._http.request(
            method, url, body=body, headers=dict(request.headers.items()), timeout=TIMEOUT_SECONDS
        )
        if answer.status == 200:
            content: Json = json.loads(answer.data)
            return content
        try:
            problem = json.loads(answer.data)
        except ValueError:
            problem = {"message": answer.data[:200].decode(errors="replace")}
        raise MlflowError(path.partition("?")[0], answer.status, problem.get("error_code"), problem.get("message"))
