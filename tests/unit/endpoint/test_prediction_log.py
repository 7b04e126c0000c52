"""What is logged of predictions, where it goes, and that it costs nobody an answer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from endpoint_api.circuit import Circuit
from endpoint_api.predictions import BRIEFLY, MOST_BYTES, PredictionLog, Versions
from tests.unit.endpoint.account import ENDPOINT, SageMaker
from tests.unit.endpoint.endpoints import of, statements
from tests.unit.pipeline.synthesis import ACCOUNT, Synthesized, flat
from tests.unit.servers import free_port

STREAM = f"{ENDPOINT}-predictions"


@dataclass
class Firehose:
    """A stream that keeps records, or refuses them."""

    records: list[bytes] = field(default_factory=list)
    refuses: bool = False
    asked: int = 0

    def put_record(self, *, DeliveryStreamName: str, Record: dict[str, bytes]) -> None:  # noqa: N803
        assert DeliveryStreamName == STREAM
        self.asked += 1
        if self.refuses:
            raise ClientError({"Error": {"Code": "ServiceUnavailableException", "Message": "Slow down."}}, "PutRecord")
        self.records.append(Record["Data"])

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in b"".join(self.records).decode().splitlines()]


def log(versions: Versions, firehose: Any, **options: Any) -> PredictionLog:
    return PredictionLog(versions, firehose=firehose, stream_name=STREAM, **{"percent": 100, **options})


def write(to: PredictionLog, *, request: bytes = b"1,2", answer: bytes = b"12.5", fallback: bool = False) -> None:
    to.write(request=request, answer=answer, variant="" if fallback else "main", seconds=0.01234, fallback=fallback)


def unreachable(service: str) -> Any:
    """A client of a service that nobody listens for."""
    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=f"http://127.0.0.1:{free_port()}",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=BRIEFLY,
    )


def test_a_prediction_is_a_line_with_the_version_that_made_it() -> None:
    firehose = Firehose()
    write(log(Versions(SageMaker().deployed(version=7), ENDPOINT), firehose))
    (line,) = firehose.lines
    assert line.pop("time")
    assert line == {
        "endpoint": ENDPOINT,
        "variant": "main",
        "model_version": "7",
        "fallback": False,
        "seconds": 0.0123,
        "request": "1,2",
        "answer": "12.5",
    }


def test_the_version_of_a_component_is_that_of_its_own_model() -> None:
    firehose = Firehose()
    sagemaker = SageMaker().with_components("demo-live-prices", version=7)
    write(log(Versions(sagemaker, ENDPOINT, "demo-live-prices"), firehose))
    (line,) = firehose.lines
    assert (line["component"], line["model_version"]) == ("demo-live-prices", "7")


def test_a_fallback_is_logged_as_one_and_has_no_version() -> None:
    firehose = Firehose()
    write(log(Versions(SageMaker(), ENDPOINT), firehose), fallback=True)
    (line,) = firehose.lines
    assert (line["fallback"], line["model_version"]) == (True, None)
    assert "model_version_unknown" not in line


def test_nothing_is_logged_of_what_is_not_sampled() -> None:
    firehose = Firehose()
    write(log(Versions(SageMaker().deployed(version=7), ENDPOINT), firehose, percent=0))
    assert firehose.asked == 0


def test_a_version_that_cannot_be_found_keeps_nobody_from_their_answer() -> None:
    firehose = Firehose()
    write(log(Versions(SageMaker(), ENDPOINT), firehose))
    (line,) = firehose.lines
    assert line["model_version"] is None
    assert "Could not find endpoint" in line["model_version_unknown"]


def test_a_control_plane_that_cannot_be_reached_keeps_nobody_from_their_answer() -> None:
    """botocore raises what is no `ClientError` then."""
    firehose = Firehose()
    write(log(Versions(unreachable("sagemaker"), ENDPOINT), firehose))
    (line,) = firehose.lines
    assert line["model_version"] is None
    assert "Could not connect to the endpoint" in line["model_version_unknown"]


def test_a_control_plane_that_fails_is_asked_once_a_minute() -> None:
    asked: list[str] = []
    sagemaker = SageMaker(judge=lambda operation, request: asked.append(operation))
    many = log(Versions(sagemaker, ENDPOINT), firehose := Firehose())
    for _ in range(3):
        write(many)
    assert asked == ["DescribeEndpoint"]
    assert ["model_version_unknown" in line for line in firehose.lines] == [True] * 3


def in_the_functions_log(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_that_the_stream_refuses_is_in_the_functions_own_log(capsys: pytest.CaptureFixture[str]) -> None:
    write(log(Versions(SageMaker().deployed(version=7), ENDPOINT), Firehose(refuses=True)))
    (told,) = in_the_functions_log(capsys)
    assert told["prediction"]["model_version"] == "7"
    assert told["not_in_the_bucket"].endswith("Slow down.")


def test_a_stream_that_cannot_be_reached_keeps_nobody_from_their_answer(capsys: pytest.CaptureFixture[str]) -> None:
    write(log(Versions(SageMaker().deployed(version=7), ENDPOINT), unreachable("firehose")))
    (told,) = in_the_functions_log(capsys)
    assert told["not_in_the_bucket"].startswith("Could not connect to the endpoint")


def test_a_stream_that_fails_is_left_alone_for_a_while(capsys: pytest.CaptureFixture[str]) -> None:
    firehose = Firehose(refuses=True)
    failing = log(
        Versions(SageMaker().deployed(version=7), ENDPOINT), firehose, circuit=Circuit(failures=2, open_seconds=60)
    )
    for _ in range(5):
        write(failing)
    assert firehose.asked == 2
    assert len(in_the_functions_log(capsys)) == 5


@pytest.mark.parametrize("content", ["é" * 100_000, '"' * 100_000, "\x01" * 100_000, "😀" * 100_000])
def test_what_is_long_is_cut_by_the_bytes_of_its_json(content: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where it goes to CloudWatch Logs, whose lines have 256 KB."""
    long = content.encode()
    write(log(Versions(SageMaker().deployed(version=7), ENDPOINT), Firehose(refuses=True)), request=long, answer=long)
    line = capsys.readouterr().out
    kept = json.loads(line)["prediction"]["request"]
    assert len(line.encode()) < 256_000
    assert content.startswith(kept)
    assert len(json.dumps(kept, ensure_ascii=False).encode()) > MOST_BYTES - 10


def test_bytes_that_are_no_text_are_cut_too() -> None:
    firehose = Firehose()
    write(log(Versions(SageMaker().deployed(version=7), ENDPOINT), firehose), request=bytes([255]) * 500_000)
    assert len(firehose.records[0]) < MOST_BYTES + 1_000


def test_lines_go_to_the_projects_bucket_under_its_key(endpoints: Synthesized) -> None:
    stream = of(endpoints, "AWS::KinesisFirehose::DeliveryStream", "FullApiPredictions")
    to = stream["ExtendedS3DestinationConfiguration"]
    assert stream["DeliveryStreamName"] == "demo-full-predictions"
    assert flat(to["BucketARN"]).startswith("arn:<AWS::Partition>:s3:::<ProjectArtifacts")
    assert to["Prefix"] == "logs/predictions/demo-full/"
    for key in (
        stream["DeliveryStreamEncryptionConfigurationInput"]["KeyARN"],
        to["EncryptionConfiguration"]["KMSEncryptionConfig"]["AWSKMSKeyARN"],
    ):
        assert flat(key).startswith("<ProjectKey")


def test_logged_predictions_go_as_the_projects_other_logs_do(endpoints: Synthesized) -> None:
    rules = of(endpoints, "AWS::S3::Bucket", "Artifacts")["LifecycleConfiguration"]["Rules"]
    (rule,) = [it for it in rules if it.get("Prefix") == "logs/predictions/"]
    assert rule["ExpirationInDays"] == of(endpoints, "AWS::Logs::LogGroup", "PlainLog")["RetentionInDays"]


def test_the_function_puts_lines_into_its_own_stream_only(endpoints: Synthesized) -> None:
    found = statements(endpoints, "FullApiFunctionRole")["LogPredictions"]
    assert found["Action"] == ["firehose:PutRecord"]
    assert [arn.rpartition(":")[2] for arn in found["Resource"]] == ["deliverystream/demo-full-predictions"]


def test_firehose_writes_below_the_endpoints_prefix_for_this_account_only(endpoints: Synthesized) -> None:
    role = of(endpoints, "AWS::IAM::Role", "FullApiPredictionsRole")
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {"StringEquals": {"sts:ExternalId": ACCOUNT}}
    found = statements(endpoints, "FullApiPredictionsRole")
    assert [arn.partition("/")[2] for arn in found["WriteBelowItsPrefix"]["Resource"]] == [
        "logs/predictions/demo-full/*"
    ]
    assert set(found) == {"WriteBelowItsPrefix", "FindTheBucket", "UseTheKey", "WriteOwnLog"}


def test_without_being_asked_for_there_is_no_stream(endpoints: Synthesized) -> None:
    streams = endpoints.resources("AWS::KinesisFirehose::DeliveryStream")
    assert {it["DeliveryStreamName"] for it in streams.values()} == {"demo-full-predictions", "demo-shared-predictions"}
