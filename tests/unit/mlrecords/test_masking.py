"""Secrets do not get into records, and what a run is reproduced with does."""

import base64
import hashlib
import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrecords.masking import MASK, masked, masked_arguments, masked_text

ALPHANUMERIC = string.ascii_letters + string.digits
PREFIXES = st.sampled_from(["", "db_", "DB_", "my-", "airflow.", "MLFLOW_TRACKING_", "spark.hadoop.", "train"])
SECRET_NAMES = st.builds(
    "{}{}".format,
    PREFIXES,
    st.sampled_from(
        [
            "password",
            "PASSWORD",
            "Password",
            "passwd",
            "passphrase",
            "secret",
            "secrets",
            "client_secret",
            "clientSecret",
            "api_key",
            "apikey",
            "APIKey",
            "token",
            "TOKEN",
            "access_token",
            "accessToken",
            "AWS_SECRET_ACCESS_KEY",
            "aws_session_token",
            "private_key",
            "credentials",
            "authorization",
            "secret_key",
            "encryption-key",
            "password_1",
            "token_value",
        ]
    ),
)
PLAIN_NAMES = st.sampled_from(
    [
        "seed",
        "random_state",
        "max_tokens",
        "tokenizer",
        "token_count",
        "learning_rate",
        "commit",
        "digest",
        "sha256",
        "image_uri",
        "data_key",
        "KmsKeyId",
        "VolumeKmsKeyId",
        "partition_key",
        "sort_key",
        "s3_key",
        "cache_key",
        "monkey",
        "key",
        "input_path",
        "SecretArn",
        "author",
        "keyword",
        "token_pattern",
        "sagemaker_submit_directory",
        "sagemaker_program",
        "checksum",
        "passes",
        "compass",
        "hash",
        "etag",
        "version_id",
        "eval_metric",
        "objective",
    ]
)
SECRETS = st.text(ALPHANUMERIC + "!$%^*()_-+.#/", max_size=60).map("z{}".format)
WITH_A_FORM = st.one_of(
    st.text(string.ascii_uppercase + "234567", min_size=16, max_size=16).map("AKIA{}".format),
    st.text(ALPHANUMERIC, min_size=36, max_size=36).map("ghp_{}".format),
    st.text(ALPHANUMERIC, min_size=34, max_size=34).map("hf_{}".format),
    st.text(ALPHANUMERIC, min_size=48, max_size=48).map("sk-{}".format),
    st.text(ALPHANUMERIC, min_size=20, max_size=20).map("glpat-{}".format),
    st.binary(min_size=60, max_size=90).map(
        lambda body: "eyJhbGciOiJIUzI1NiJ9.eyJ" + base64.urlsafe_b64encode(body).decode().rstrip("=") + ".c2ln"
    ),
    st.binary(min_size=60, max_size=90).map(
        lambda body: (
            "-----BEGIN RSA PRIVATE KEY-----\n" + base64.b64encode(body).decode() + "\n-----END RSA PRIVATE KEY-----"
        )
    ),
)
# What reproduction needs: digests, places, seeds, numbers, versions.
NEEDED = st.one_of(
    st.binary().map(lambda content: hashlib.sha256(content).hexdigest()),
    st.binary().map(lambda content: "sha256:" + hashlib.sha256(content).hexdigest()),
    st.binary().map(lambda content: hashlib.sha1(content, usedforsecurity=False).hexdigest()),
    st.binary().map(lambda content: f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}-3"'),
    st.uuids().map(str),
    st.integers().map(str),
    st.floats(allow_nan=False).map(repr),
    st.text(ALPHANUMERIC + "/=._-", min_size=1, max_size=80).map("s3://bucket/{}".format),
    st.text(ALPHANUMERIC + "/-", min_size=1).map("arn:aws:secretsmanager:eu-west-1:123456789012:secret:{}".format),
    st.text(ALPHANUMERIC, min_size=1).map("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team:{}".format),
    st.sampled_from(
        [
            "docker://registry/team:2@sha256:" + "0" * 64,
            r"(?u)\b\w\w+\b",
            "git@github.com:team/forecast.git",
            "https://github.com/team/forecast.git",
            "https://host:8080/path?x=1",
            "sk-learn-pipeline-with-many-words-and-v2",
            "numpy==2.1.0\nscikit-learn==1.9.0",
        ]
    ),
)


@given(name=SECRET_NAMES, secret=SECRETS)
def test_a_secret_by_its_name_is_masked_wherever_it_stands(name: str, secret: str) -> None:
    why = masked({name: secret})[name]

    assert why.startswith(f"{MASK}its name says ")
    documents: list[Any] = [
        {"Environment": {name: secret}},
        {"Parameters": [{"Name": name, "Value": secret}, {"Name": "a", "Value": "b"}]},
        {"Tags": [{"Key": name, "Value": secret}]},
        {name: {"inner": {"one": [secret]}}},
        {"config": json.dumps({"deep": [{name: secret}]})},
        {"arguments": ["train.py", f"--{name}", secret, "--epochs", "3"]},
        {"arguments": ["train.py", f"--{name}={secret.replace('*', '')}"]},
    ]
    for document in documents:
        text = json.dumps(masked(document))
        assert "its name says" in text
        assert json.dumps(f" {secret}!") not in text
        assert json.dumps(secret) not in text


@given(
    name=PLAIN_NAMES,
    secret=WITH_A_FORM,
    around=st.sampled_from(["{}", "x {} y", "Authorization: Bearer {}", "--flag={}"]),
)
def test_a_secret_by_its_form_is_masked_under_any_name(name: str, secret: str, around: str) -> None:
    text = masked({name: around.format(secret)})[name]

    assert secret not in text
    assert MASK in text


@given(user=st.text(ALPHANUMERIC, max_size=8), secret=st.text(ALPHANUMERIC + "!$%^()_-+.@:", min_size=1, max_size=30))
def test_a_password_in_a_url_is_masked_and_the_rest_stays(user: str, secret: str) -> None:
    text = masked({"DATABASE_URL": f"postgresql://{user}:{secret}@host.example:5432/models"})["DATABASE_URL"]

    assert text == f"postgresql://{MASK}credentials in a URL@host.example:5432/models"


@given(name=PLAIN_NAMES, value=NEEDED)
def test_what_reproduction_needs_stays_as_it_is(name: str, value: str) -> None:
    documents: list[dict[str, Any]] = [
        {name: value},
        {"Parameters": [{"Name": name, "Value": value}]},
        {"config": json.dumps({name: [value]})},
        {"arguments": [f"--{name}", value]},
    ]
    assert [masked(document) for document in documents] == documents


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.text()
        | SECRETS
        | WITH_A_FORM
        | NEEDED,
        lambda inner: st.lists(inner) | st.dictionaries(SECRET_NAMES | PLAIN_NAMES | st.text(), inner),
        max_leaves=20,
    )
)
def test_masking_a_second_time_changes_nothing_and_keeps_the_shape(value: Any) -> None:
    once = masked({"document": value})

    assert masked(once) == once
    assert _shape(once["document"]) == _shape(value)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Server=db;Password=abc;Database=y", f"Server=db;Password={MASK}its name says password;Database=y"),
        ("export DB_PASSWORD='a b' && run", f"export DB_PASSWORD='{MASK}its name says password' && run"),
        ("--verbose --token abc --lr 0.1", f"--verbose --token {MASK}its name says token --lr 0.1"),
        ("--epochs password=x", f"--epochs password={MASK}its name says password"),
        ("https://h/x?X-Amz-Signature=0a1b&y=2", f"https://h/x?X-Amz-Signature={MASK}a signature of a URL&y=2"),
        ("{'password': 'x', 'lr': 1}", f"{{'password': '{MASK}its name says password', 'lr': 1}}"),
        ("max_tokens=5 pad_token=<pad> seed=1", "max_tokens=5 pad_token=<pad> seed=1"),
    ],
)
def test_secrets_in_a_text(text: str, wanted: str) -> None:
    assert masked_text(text) == wanted


def test_a_name_that_hints_only_counts_for_what_looks_random() -> None:
    random_looking = "Zk3vQ9xT1bL7wR5nY2mC8pD4"
    checksum = base64.b64encode(hashlib.sha256(b"data").digest()).decode()
    document = {
        "checksum": checksum,
        "OPENAI_KEY": random_looking,
        "s3_key": "TrainingData2024-Version003",
        "commit_key": "a" * 40,
    }

    assert masked(document) == {**document, "OPENAI_KEY": f"{MASK}its name says key, and it looks random"}


def test_references_and_places_of_secrets_stay() -> None:
    document = {
        "DB_SECRET": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf",
        "db_password": {"Get": "Parameters.Password"},
        "PASSWORD": "{{resolve:secretsmanager:db}}",
        "API_TOKEN": "${API_TOKEN}",
        "use_auth_token": True,
        "PWD": "/opt/ml/code",
        "mask_token": "[MASK]",
    }

    assert masked(document) == document


def test_a_flag_after_a_flag_is_no_secret() -> None:
    assert masked_arguments(["--use-token", "--epochs", "3"]) == ("--use-token", "--epochs", "3")


def test_deep_nonsense_is_text() -> None:
    nonsense = {"x": "[" * 100_000, "y": "a=" * 2_000}

    assert masked(nonsense) == nonsense


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shape(item) for key, item in value.items()}
    return [_shape(item) for item in value] if isinstance(value, list) else None
