"""Splitting, batching, filtering and joining transform records."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mllocal.jobs.records import (
    BYTES_PER_MB,
    RecordError,
    batches,
    csv_filter,
    join_csv,
    join_json,
    json_filter,
    read_row,
    split_lines,
    write_row,
)

FIELDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20), max_size=40))
def test_batches_keep_every_record_in_order(records: list[str]) -> None:
    grouped = list(batches(records, strategy="MultiRecord", max_payload_mb=100 / BYTES_PER_MB))

    assert [record for batch in grouped for record in batch] == records
    assert all(sum(len(record.encode()) + 1 for record in batch) <= 100 for batch in grouped)


def test_single_record_sends_one_at_a_time() -> None:
    assert list(batches(["a", "b"], strategy="SingleRecord", max_payload_mb=6)) == [["a"], ["b"]]


def test_a_payload_limit_of_zero_means_no_limit() -> None:
    assert len(list(batches(["x" * 1000] * 50, strategy="MultiRecord", max_payload_mb=0))) == 1


def test_a_record_over_the_payload_limit_is_an_error_with_both_sizes() -> None:
    with pytest.raises(RecordError, match=r"a record of 2097153 bytes is larger than MaxPayloadInMB of 1 MB"):
        list(batches(["x" * 2 * BYTES_PER_MB], strategy="MultiRecord", max_payload_mb=1))


@given(st.lists(FIELDS, min_size=1, max_size=6))
def test_a_row_survives_being_written_and_read(fields: list[str]) -> None:
    assert read_row(write_row(fields)) == fields or fields == [""]


@pytest.mark.parametrize(
    ("path", "expected"),
    [("$[1:]", "1,2,3"), ("$[0,-1]", "k,3"), ("$[-1]", "3"), ("$[0:2]", "k,1"), ("$[:-1]", "k,1,2")],
)
def test_csv_filters_choose_columns_as_the_service_documents(path: str, expected: str) -> None:
    assert csv_filter(path, 4)("k,1,2,3") == expected


def test_a_filter_that_selects_nothing_is_an_error() -> None:
    with pytest.raises(RecordError, match=r"selects none of the 2 columns"):
        csv_filter("$[5]", 2)


def test_a_row_of_another_width_is_an_error_that_shows_it() -> None:
    with pytest.raises(RecordError, match=r"a row has 2 columns and the first one has 3: 'a,b'"):
        csv_filter("$[1:]", 3)("a,b")


def test_quoted_commas_are_not_columns() -> None:
    assert csv_filter("$[0,-1]", 3)('"a,b",1,2') == '"a,b",2'


def test_json_records_are_filtered_and_joined_under_sagemaker_output() -> None:
    assert json_filter("$.features")('{"id": 1, "features": [1, 2]}') == "[1, 2]"
    assert json.loads(join_json('{"id": 1}', "0.5")) == {"id": 1, "SageMakerOutput": 0.5}
    with pytest.raises(RecordError, match="finds nothing"):
        json_filter("$.missing")('{"id": 1}')


def test_csv_join_appends_the_prediction() -> None:
    assert join_csv("k,1", "9.5") == "k,1,9.5"


def test_a_last_line_break_is_no_record() -> None:
    assert split_lines(b"a\nb\n") == split_lines(b"a\r\nb") == ["a", "b"]


def test_only_line_feeds_end_records() -> None:
    assert split_lines("a\u2028b\nc\x0cd\n".encode()) == ["a\u2028b", "c\x0cd"]


def test_json_records_that_are_no_objects_are_joined_under_sagemaker_input() -> None:
    assert json.loads(join_json("[1, 2]", "3")) == {"SageMakerInput": [1, 2], "SageMakerOutput": 3}


def test_a_record_that_is_not_json_is_an_error_that_shows_it() -> None:
    with pytest.raises(RecordError, match="a record is not JSON"):
        json_filter("$.x")("{x}")
