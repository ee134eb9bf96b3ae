"""The tag language, as one table: every word, the form of its value, and what it means.

A tag is a word, or a word, a colon and a value (`step:train`, `limit:nvidia.com/gpu:1`). Other
tools tag cells too, so unknown tags are ignored unless they are clearly a misspelt word of the
table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from difflib import SequenceMatcher
from typing import Any

import msgspec

from ithaca.diagnostics import Diagnostic, Severity, about_tag
from ithaca.errors import nearest
from ithaca.model.workflow import Secret
from ithaca.notebook.model import identifier

ROLES = ("imports", "functions", "pipeline-parameters", "pipeline-metrics", "skip")
"""Words without a value: the role of the whole cell."""

_STEP_NAME = re.compile(r"[_a-z][_a-z0-9]*")
_NEEDED_NAME = re.compile(r"[_a-z][-_a-z0-9]*")
_QUANTITY = re.compile(r"\d+(\.\d+)?(n|u|m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei|[eE][+-]?\d+)?", re.ASCII)
_SEGMENT = r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"
_QUALIFIED = re.compile(rf"({_SEGMENT}/)?{_SEGMENT}")
_LABEL_VALUE = re.compile(rf"({_SEGMENT})?")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_SECRET_KEY = re.compile(r"[-._A-Za-z0-9]+")
_DURATION = re.compile(r"(\d+(\.\d+)?[dhms])+", re.ASCII)
_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_Reader = Callable[[str], tuple[str, Any]]
_SWITCH = {"on": True, "enabled": True, "off": False, "disabled": False}


class Tag(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed tag.

    Attributes:
        kind: The word; `block` becomes `step`.
        name: Name of the step or notebook, or the key of a setting; empty when it has none.
        value: The rest: a string, a number, a bool or a `Secret`; None when it has none.
        text: The tag as written.
    """

    kind: str
    name: str = ""
    value: Any = None
    text: str = ""


class InvalidValue(Exception):
    """A value that its word does not allow; carries the diagnostic's message and cure."""

    def __init__(self, message: str, cure: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure


def _name(word: str, form: re.Pattern[str] = _STEP_NAME, *, may_be_empty: bool = False) -> _Reader:
    def read(value: str) -> tuple[str, Any]:
        if form.fullmatch(value) or (may_be_empty and not value):
            return value, None
        rule = "use a-z, 0-9 and _, and do not start with a digit"
        message = f"{value!r} is not a valid name: {rule}" if value else "the name is missing"
        raise InvalidValue(message, f"write `{word}:{identifier(value) or 'NAME'}`")

    return read


def _keyed(value: str, form: str) -> tuple[str, str]:
    key, colon, rest = value.partition(":")
    if not colon or not key:
        raise InvalidValue(f"expected `{form}`", f"write `{form}`")
    if not _QUALIFIED.fullmatch(key):
        raise InvalidValue(f"{key!r} is not a valid key", "use letters, digits and `-_./`")
    return key, rest


def _amount(word: str) -> _Reader:
    def read(value: str) -> tuple[str, Any]:
        key, amount = _keyed(value, f"{word}:RESOURCE:AMOUNT")
        if not _QUANTITY.fullmatch(amount):
            cure = "write a number with an optional unit: 2, 500m, 1.5, 16Gi"
            raise InvalidValue(f"{amount!r} is not an amount", cure)
        return key, amount

    return read


def _pair(word: str) -> _Reader:
    return lambda value: _keyed(value, f"{word}:KEY:VALUE")


def _image(value: str) -> tuple[str, Any]:
    if not value or any(letter.isspace() for letter in value):
        raise InvalidValue(
            f"{value!r} is not an image", "write `image:REFERENCE`, e.g. `image:python:3.12`"
        )
    return "", value


def _env(value: str) -> tuple[str, Any]:
    name, colon, rest = value.partition(":")
    if not colon:
        raise InvalidValue("expected `env:NAME:VALUE`", "write `env:NAME:VALUE`")
    return _env_name(name), rest


def _env_name(name: str) -> str:
    if not _ENV_NAME.fullmatch(name):
        raise InvalidValue(
            f"{name!r} is not a valid environment variable", "use letters, digits and _"
        )
    return name


def _secret(value: str) -> tuple[str, Any]:
    parts = value.split(":")
    if len(parts) != 3:
        raise InvalidValue("expected `secret:SECRET:KEY:ENV`", "write `secret:SECRET:KEY:ENV`")
    secret, key, env = parts
    if not _SECRET_NAME.fullmatch(secret):
        raise InvalidValue(f"{secret!r} is not a valid secret name", "use a-z, 0-9, `-` and `.`")
    if not _SECRET_KEY.fullmatch(key):
        raise InvalidValue(f"{key!r} is not a valid secret key", "use letters, digits and `-._`")
    return _env_name(env), Secret(secret=secret, key=key, env=env)


def _retry(value: str) -> tuple[str, Any]:
    if not (value.isascii() and value.isdigit()):
        raise InvalidValue(
            f"{value!r} is not a number of retries", "write a whole number: `retry:2`"
        )
    return "", int(value)


def _timeout(value: str) -> tuple[str, Any]:
    seconds = parse_duration(value)
    if seconds is None:
        raise InvalidValue(
            f"{value!r} is not a duration", "write seconds or units: 90, 30s, 5m, 2h, 1h30m"
        )
    if seconds == 0:
        raise InvalidValue("the timeout must be longer than 0", "write a duration: `timeout:30s`")
    return "", seconds


def _switch(value: str) -> tuple[str, Any]:
    if value not in _SWITCH:
        raise InvalidValue(f"{value!r} is neither on nor off", "write on, off, enabled or disabled")
    return "", _SWITCH[value]


def _approval(value: str) -> tuple[str, Any]:
    if not value.strip():
        raise InvalidValue("the question is empty", "write `approval` or `approval:QUESTION`")
    return "", value.strip()


STRUCTURE: dict[str, _Reader] = {
    "step": _name("step", may_be_empty=True),
    "block": _name("step", may_be_empty=True),
    # A hyphen is allowed: steps of an included notebook are called NAME-step.
    "prev": _name("prev", _NEEDED_NAME),
    "notebook": _name("notebook"),
}
"""Words that group and order cells."""

SETTINGS: dict[str, _Reader] = {
    "limit": _amount("limit"),
    "request": _amount("request"),
    "annotation": _pair("annotation"),
    "label": _pair("label"),
    "image": _image,
    "env": _env,
    "secret": _secret,
    "node": _pair("node"),
    "retry": _retry,
    "timeout": _timeout,
    "cache": _switch,
    "approval": _approval,
    # Kale's switch for an HTML report; ignored, because the executed notebook is always kept.
    "report": _switch,
}
"""Words that configure a step; `steps_defaults` may hold only these."""

VALUED: dict[str, _Reader] = {**STRUCTURE, **SETTINGS}

_FOREIGN = frozenset({"env"})
"""Settings whose bare word is also a tag of other tools."""

_SYNONYMS = {
    "memory": "limit:memory",
    "mem": "limit:memory",
    "cpu": "limit:cpu",
    "cpus": "limit:cpu",
    "gpu": "limit:nvidia.com/gpu",
    "gpus": "limit:nvidia.com/gpu",
    "depends": "prev",
    "needs": "prev",
}
"""What users write instead of a word of the table."""

_PREFIXED = ("retry", "timeout")
"""Words that users extend: `retry_count:2`."""


def parse_tag(text: str) -> tuple[Tag | None, Diagnostic | None]:
    """Parse one tag.

    Args:
        text: The tag as it appears in the cell's metadata.

    Returns:
        The tag, or None for a tag of another tool; and a diagnostic without a place, or None. A
        misspelt tag yields both, so that one wrong letter gives one diagnostic and not ten.

    Example:
        >>> parse_tag("step:train")[0].name
        'train'
        >>> parse_tag("remove-output")
        (None, None)
    """
    tag = text.strip()
    if tag in ROLES:
        return Tag(kind=tag, text=text), None
    word, colon, value = tag.partition(":")
    if not colon:
        return _parse_bare(tag, text)
    if word not in VALUED:
        return _parse_misspelt(word, value, text)
    try:
        name, content = VALUED[word](value)
    except InvalidValue as invalid:
        return _recover(word, value, text), about_tag(
            "ITH111", f'in tag "{text}": {invalid.message}', invalid.cure, text, start=len(word) + 1
        )
    return Tag(kind=_kind(word), name=name, value=content, text=text), None


def _parse_bare(word: str, text: str) -> tuple[Tag | None, Diagnostic | None]:
    """A tag without a colon that is not a role."""
    if word == "approval":
        return Tag(kind="approval", value="", text=text), None
    if word in VALUED and word not in _FOREIGN:
        # Another tool may use such a word alone, but hardly the words that group cells.
        severity: Severity = "error" if word in STRUCTURE else "warning"
        return None, about_tag(
            "ITH111", f'tag "{text}" has no value', f"write `{word}:…`", text, severity=severity
        )
    meant = _misspelt(word, (*ROLES, "approval"))
    if meant is None:
        return None, None
    kind = Tag(kind=meant, value="" if meant == "approval" else None, text=text)
    return kind, _did_you_mean(text, meant)


def _parse_misspelt(word: str, value: str, text: str) -> tuple[Tag | None, Diagnostic | None]:
    """A tag whose word is not in the table, but may be similar to one."""
    plain = word.strip().lower()
    meant = _meant(plain)
    if meant is not None:
        return _recover(meant, value.strip(), text), _did_you_mean(text, f"{meant}:{value.strip()}")
    if plain in ROLES:
        return Tag(kind=plain, text=text), _did_you_mean(text, plain)
    return None, None


def _meant(word: str) -> str | None:
    """The word of the table that the user probably meant."""
    if word in VALUED:
        return word
    for ending, instead in (("ies", "y"), ("s", "")):
        if word.endswith(ending) and word.removesuffix(ending) + instead in VALUED:
            return word.removesuffix(ending) + instead
    if re.split("[-_]", word)[0] in _PREFIXED:
        return re.split("[-_]", word)[0]
    return _SYNONYMS.get(word) or _misspelt(word, VALUED)


def _misspelt(word: str, known: Iterable[str]) -> str | None:
    """The known word that differs from this one only by a slip, if any.

    Strict, because an unknown tag may belong to another tool: two letters swapped, or one letter
    wrong (two in long words).
    """
    meant = nearest(word, known)
    if meant is None:
        return None
    if sorted(word) == sorted(meant):
        return meant if word[0] == meant[0] else None
    edits = SequenceMatcher(None, word, meant).get_opcodes()
    wrong = sum(max(b - a, d - c) for kind, a, b, c, d in edits if kind != "equal")
    return meant if wrong <= (2 if len(word) >= 8 else 1) else None


def _recover(word: str, value: str, text: str) -> Tag | None:
    """The tag that the user meant, if it groups cells."""
    if word not in STRUCTURE:
        return None
    form = _NEEDED_NAME if word == "prev" else _STEP_NAME
    name = value if form.fullmatch(value) else identifier(value)
    if not name and word in ("prev", "notebook"):
        return None
    return Tag(kind=_kind(word), name=name, text=text)


def _kind(word: str) -> str:
    return "step" if word == "block" else word


def _did_you_mean(text: str, meant: str) -> Diagnostic:
    return about_tag(
        "ITH110",
        f'unknown tag "{text}"; did you mean "{meant}"?',
        f"write `{meant}`, or rename the tag if it belongs to another tool",
        text,
    )


def is_label_value(text: str) -> bool:
    """Whether Kubernetes accepts a text as the value of a label or node selector."""
    return len(text) <= 63 and _LABEL_VALUE.fullmatch(text) is not None


def parse_duration(text: str) -> float | None:
    """Seconds of `30s`, `5m`, `2h`, `1h30m` or plain seconds; None when it is not a duration.

    Example:
        >>> parse_duration("1h30m")
        5400.0
    """
    if re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII):
        return float(text)
    if not _DURATION.fullmatch(text):
        return None
    parts = re.findall(r"(\d+(?:\.\d+)?)([dhms])", text)
    units = [unit for _, unit in parts]
    if units != sorted(set(units), key="dhms".index):
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)
