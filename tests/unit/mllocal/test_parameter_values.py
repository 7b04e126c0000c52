"""The values of parameters: typed from the text of a request, or the defaults."""

from __future__ import annotations

from typing import Any

import pytest

from mllocal.errors import ApiError
from mllocal.operations.parameters import parameter_texts, parameter_values


def values(text: str | None, **parameter: Any) -> Any:
    given = [] if text is None else [{"Name": "P", "Value": text}]
    return parameter_values({"Parameters": [{"Name": "P", **parameter}]}, given)["P"]


@pytest.mark.parametrize(
    ("kind", "text", "choices", "value"),
    [
        ("Integer", "2", [1, 2], 2),
        ("Float", "1", [0.5, 1.0], 1.0),
        ("Float", "-2.5e1", None, -25.0),
        ("Boolean", "True", [True], True),
        ("String", "2", ["1", "2"], "2"),
    ],
)
def test_a_text_becomes_a_value_of_the_type_and_one_of_the_choices(
    kind: str, text: str, choices: list[Any] | None, value: Any
) -> None:
    assert values(text, Type=kind, EnumValues=choices) == value


@pytest.mark.parametrize(
    ("kind", "text", "choices", "sentence"),
    [
        ("Integer", "3", [1, 2], "parameter 'P' is '3'; use one of 1, 2"),
        ("Float", "0.25", [0.5], "parameter 'P' is '0.25'; use one of 0.5"),
        ("Boolean", "false", [True], "parameter 'P' is 'false'; use one of true"),
        *(
            ("Integer", text, None, "is not of its type Integer")
            for text in ("1_0", " 1", "\u0661", "1.0", "", "9" * 5000)
        ),
        *(("Float", text, None, "is not of its type Float") for text in ("nan", "inf", "1e999", "1_0.5", " 1.0", "")),
        ("Boolean", "1", None, "is not of its type Boolean"),
        (None, None, None, "parameter 'P' has no default; give a value for it"),
    ],
)
def test_other_texts_are_refused(kind: str, text: str | None, choices: list[Any] | None, sentence: str) -> None:
    with pytest.raises(ApiError) as refused:
        values(text, Type=kind, EnumValues=choices, DefaultValue=None)

    assert sentence in refused.value.message
    assert refused.value.code == "ValidationException"


def test_values_are_listed_as_json_writes_them() -> None:
    listed = parameter_texts({"Rate": 0.5, "IsOn": True, "Name": "demand"})

    assert [entry["Value"] for entry in listed] == ["0.5", "true", "demand"]
