"""Secrets are replaced before anything becomes part of a record, for a record is kept, copied and read by many. Pure.

Two signs make a secret. Its *name* says so: `DB_PASSWORD`, `--api-key`, `{"Name": "token", "Value": ...}`. Or its *form* does, under any
name: keys of AWS, tokens of well-known services, JSON Web Tokens, private keys, passwords in URLs and connection strings. Everything
else stays as it is, digests and other random-looking texts included: they are what a run is reproduced with.

What it cannot see: a secret without form under a name that says nothing, such as `-p hunter2` or `x = hunter2`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

MASK = "*** masked: "

# Ends of names, in lower case with underscores, that hold secrets: a password is one in whatever form.
_SECRET_NAMES = re.compile(
    r"(?P<word>password|passwd|passphrase|(?<![a-z])pwd?|(?:db|user|smtp|login|admin)_?pass|secret|credential|authorization"
    r"|(?<![a-z])cookie|(?:api|access|secret|private|encryption|signing|account|auth|ssh|master|shared|kaggle)_?key"
    r"|access_?key_?id|(?:api|auth|access)_?token|token(?!s))s?(?:_(?:value|text|plain|\d+))*$"
)
# Tokens that a language model reads, or that only say which request or page it is.
_OTHER_TOKENS = re.compile(
    r"(?:^|_)(?:pad|eos|bos|unk|mask|sep|cls|sot|eot|stop|start|end|special|image|per|next|request|idempotency)_token$"
)
_WEAK_NAMES = re.compile(r"(?P<word>key|auth|signature|(?<![a-z])pat)$")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

# What may have such a name and still be no secret: the place of one, a reference to one, nothing, or a mask.
_PLACE = re.compile(r"arn:aws[\w-]*:[\w-]+:\S+|s3://\S+")
_NO_SECRET = re.compile(
    r"\s*|(?i:true|false|none|null|yes|no)|\{\{resolve:.*\}\}|\$\{?\w+\}?|\$\(\w+\)|\*\*\*.*", re.DOTALL
)
_NO_TOKEN = re.compile(r"[-+]?[\d.]+(?:e[-+]?\d+)?|<[^<>]*>|\[[^\[\]]*\]")
_WORKING_DIRECTORIES = ("PWD", "OLDPWD")
_KEPT_NAMES = 4096  # Names come again and again.
_REFERENCES = {"Get", "Std:Join", "Std:JsonGet"}  # Of a pipeline's definition.
_RANDOM = re.compile(r"[A-Za-z0-9+/=_-]{20,}")
_RANDOM_CHANGES = (
    0.4  # Of neighbours that differ in kind: 0.62 in random letters and digits, 0.15 to 0.3 in names that people make.
)

_FORMS = tuple(
    (why, re.compile(pattern, re.DOTALL))
    for why, pattern in (
        ("a private key", r"(?P<secret>-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z))"),
        ("a JSON Web Token", r"(?P<secret>\beyJ[\w-]{8,}\.eyJ[\w-]{4,}\.[\w-]*)"),
        ("an access key of AWS", r"(?P<secret>\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b)"),
        ("a signature of a URL", r"[?&](?:X-Amz-(?:Signature|Credential|Security-Token)|sig)=(?P<secret>[^&\s\"'*]+)"),
        ("a token of GitHub", r"(?P<secret>\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,}))"),
        ("a token of GitLab", r"(?P<secret>\bglpat-[\w-]{20,})"),
        ("a token of Hugging Face", r"(?P<secret>\bhf_[A-Za-z0-9]{30,})"),
        ("a token of Slack", r"(?P<secret>\bxox[abeprs]-[\w-]{10,})"),
        ("a token of PyPI", r"(?P<secret>\bpypi-AgE[\w-]{20,})"),
        ("a token of npm", r"(?P<secret>\bnpm_[A-Za-z0-9]{36}\b)"),
        ("an API key", r"(?P<secret>\bsk-(?:(?:proj|svcacct|admin|ant-api\d\d)-[\w-]{20,}|[A-Za-z0-9]{32,}))"),
        ("an API key", r"(?P<secret>\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|\bAIza[\w-]{35})"),
        ("a credential of HTTP", r"\bBearer +(?P<secret>[\w.~+/-]{16,}=*)"),
        ("a credential of HTTP", r"\bBasic +(?P<secret>(?=[a-z]*[A-Z0-9])[A-Za-z0-9+/]{8,}={0,2})(?!\w)"),
        ("credentials in a URL", r"\b[a-z][a-z0-9+.-]{0,30}://(?P<secret>[^\s/@:?#*\"']*:[^\s/?#*\"']+)@(?!sha256:)"),
        ("credentials in a URL", r"\bhttps?://(?P<secret>[^\s/@:?#*\"']{20,})@"),
    )
)
_ASSIGNMENT = re.compile(
    r"(?<![\w.-])(?P<flag>--)?(?P<name>[A-Za-z][\w.-]*)(?:=|[\"']?:\s+|[\"']:|(?(flag)\s+|(?!)))(?!--)"
)
_ASSIGNED = re.compile(r"(?P<quote>[\"'])?(?P<secret>(?(quote)(?:(?!(?P=quote)).)+|[^\s;&,\"']+))", re.DOTALL)


def masked(document: Mapping[str, Any]) -> dict[str, Any]:
    """Plain JSON with each secret replaced by `*** masked: <why>`, at any depth.

    Use it on whatever goes into a record: hyperparameters, environment variables, tags, whole requests of the API. Names count for all
    that is below them, also as `{"Name": ..., "Value": ...}`; lists of texts are read as arguments of a command (`--password x`); texts
    that are JSON are looked into. Applying it again changes nothing.
    """
    return _mapping(document, "")


def masked_text(text: str) -> str:
    """A text, such as a command or a reason of failure, with its secrets replaced and the rest as it was."""
    if _PLACE.fullmatch(text):
        return text
    for why, form in _FORMS:
        text = form.sub(lambda found, why=why: _replaced(found, why), text)  # type: ignore[misc]
    return _assignments(text)


def masked_arguments(arguments: Sequence[str]) -> tuple[str, ...]:
    """A command's arguments; what comes after `--<name of a secret>` is a secret."""
    return tuple(
        _scalar(argument, before if before.startswith("--") and not argument.startswith("--") else "")
        for before, argument in pairwise(("", *arguments))
    )


def _mapping(document: Mapping[str, Any], above: str) -> dict[str, Any]:
    if document and document.keys() <= _REFERENCES:
        return dict(document)
    label = next((document[key] for key in ("Name", "Key", "name", "key") if isinstance(document.get(key), str)), "")
    names = dict.fromkeys(("Value", "value", "DefaultValue"), label)
    return {key: _value(value, names.get(key) or key, above) for key, value in document.items()}


def _value(value: Any, name: str, above: str) -> Any:
    """`above` is the nearest name further up that says that all below it is secret."""
    secret_name = name if _secret_word(name) else above
    if isinstance(value, Mapping):
        return _mapping(value, secret_name)
    if not isinstance(value, list | tuple):
        return _scalar(value, secret_name or name)
    if not secret_name and all(isinstance(item, str) for item in value):
        return list(masked_arguments(value))
    return [_value(item, secret_name, secret_name) for item in value]


def _scalar(value: Any, name: str) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if why := _why(str(value), name):
        return MASK + why
    return _inside(value) if isinstance(value, str) else value


def _inside(text: str) -> str:
    """A text with the secrets in it replaced, by name where it is JSON."""
    if not text.lstrip().startswith(("{", "[")):
        return masked_text(text)
    try:
        document = json.loads(text)
        without_secrets = _value(document, "", "")
    except (ValueError, RecursionError):
        return masked_text(text)
    return text if without_secrets == document else json.dumps(without_secrets)


def _why(text: str, name: str) -> str | None:
    """Why a value of this name is a secret; None if its name does not make it one."""
    if word := _secret_word(name):
        is_harmless = (
            name in _WORKING_DIRECTORIES
            or _PLACE.fullmatch(text)
            or _NO_SECRET.fullmatch(text)
            or (word == "token" and _NO_TOKEN.fullmatch(text))
        )
        return None if is_harmless else f"its name says {word}"
    weak = _weak_word(name)
    return f"its name says {weak}, and it looks random" if weak and _looks_random(text) else None


@lru_cache(_KEPT_NAMES)
def _secret_word(name: str) -> str | None:
    """What a name says that it holds, such as `password`; None if nothing secret."""
    normal = _normal(name)
    found = None if _OTHER_TOKENS.search(normal) else _SECRET_NAMES.search(normal)
    return found["word"].replace("_", " ") if found else None


@lru_cache(_KEPT_NAMES)
def _weak_word(name: str) -> str | None:
    """What a name hints at: what has it is a secret only if it looks random."""
    found = _WEAK_NAMES.search(_normal(name))
    return found["word"] if found else None


def _normal(name: str) -> str:
    return "_".join(word.lower() for word in _WORDS.findall(name))


def _looks_random(text: str) -> bool:
    kinds = ["upper" if sign.isupper() else "lower" if sign.islower() else sign.isdigit() for sign in text]
    changes = sum(left != right for left, right in pairwise(kinds))
    return (
        bool(_RANDOM.fullmatch(text))
        and {"upper", "lower", True} <= {*kinds}
        and changes >= _RANDOM_CHANGES * len(text)
    )


def _assignments(text: str) -> str:
    """`name=value`, `name: value` and `--name value` in a text, also one inside the value of another."""
    position = 0
    while named := _ASSIGNMENT.search(text, position):
        position = named.end()
        value = _ASSIGNED.match(text, position) if _secret_word(named["name"]) or _weak_word(named["name"]) else None
        if value and (why := _why(value["secret"], named["name"])):
            start, end = value.span("secret")
            text = f"{text[:start]}{MASK}{why}{text[end:]}"
            position = start + len(MASK + why)
    return text


def _replaced(found: re.Match[str], why: str) -> str:
    start, end = (place - found.start() for place in found.span("secret"))
    return f"{found[0][:start]}{MASK}{why}{found[0][end:]}"
