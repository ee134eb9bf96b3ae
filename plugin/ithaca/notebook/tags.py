"""The tag language, as one table: every word, the form of its value, and what it means.

A tag is a word, or a word, a colon and a value (`step:train`, `limit:nvidia.com/gpu:1`). A tag
that is no word of this table is left alone, since other tools tag cells too, unless it is so near
to a word that it is surely a typing error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from difflib import SequenceMatcher
from typing import Any

import msgspec

from ithaca.diagnostics import Diagnostic, Severity
from ithaca.errors import nearest
from ithaca.model.workflow import Secret
from ithaca.notebook.names import identifier

ROLES = ("imports", "functions", "pipeline-parameters", "pipeline-metrics", "skip")
"""Words without a value, each of which says what the whole cell is."""

_STEP_NAME = re.compile(r"[_a-z][_a-z0-9]*")
_NEEDED_NAME = re.compile(r"[_a-z][-_a-z0-9]*")
_QUANTITY = re.compile(r"\d+(\.\d+)?(n|u|m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi|E|Ei|[eE][+-]?\d+)?", re.ASCII)
_SEGMENT = r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"
_QUALIFIED = re.compile(rf"({_SEGMENT}/)?{_SEGMENT}")
_LABEL_VALUE = re.compile(rf"({_SEGMENT})?")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_SECRET_KEY = re.compile(r"[-._A-Za-z0-9]+")
_DURATION = re.compile(r"(\d+(\.\d+)?[dhms])+")
_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_SWITCH = {"on": True, "enabled": True, "off": False, "disabled": False}


class Tag(msgspec.Struct, frozen=True, kw_only=True):
    """A tag of the language, understood.

    Attributes:
        kind: The word; `block` is `step`.
        name: Name of the step or notebook, or the key of a setting; empty where there is none.
        value: The rest: a string, a number, a bool or a `Secret`; None where there is none.
        text: The tag as it was written.
    """

    kind: str
    name: str = ""
    value: Any = None
    text: str = ""


class Wrong(Exception):
    """A value that does not fit its word; carries what the diagnostic says."""

    def __init__(self, message: str, cure: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure


def _step(value: str) -> tuple[str, Any]:
    if value and not _STEP_NAME.fullmatch(value):
        raise _wrong_name(value, "step")
    return value, None


def _notebook(value: str) -> tuple[str, Any]:
    if not _STEP_NAME.fullmatch(value):
        raise _wrong_name(value, "notebook")
    return value, None


def _prev(value: str) -> tuple[str, Any]:
    # A hyphen is allowed: the steps of a composed notebook are called NAME-step.
    if not _NEEDED_NAME.fullmatch(value):
        raise _wrong_name(value, "prev")
    return value, None


def _wrong_name(value: str, word: str) -> Wrong:
    proposal = identifier(value)
    cure = f"write `{word}:{proposal}`" if proposal else f"write `{word}:NAME`"
    rule = "a name is made of a-z, 0-9 and _, and does not begin with a digit"
    return Wrong(f"{value!r} is no name: {rule}" if value else "a name is missing", cure)


def _keyed(value: str, form: str) -> tuple[str, str]:
    key, colon, rest = value.partition(":")
    if not colon or not key:
        raise Wrong(f"the form is `{form}`", f"write `{form}`")
    if not _QUALIFIED.fullmatch(key):
        raise Wrong(f"{key!r} is no valid key", "use letters, digits and `-_./`")
    return key, rest


def _limit(value: str) -> tuple[str, Any]:
    key, amount = _keyed(value, "limit:RESOURCE:AMOUNT")
    return key, _amount(amount)


def _request(value: str) -> tuple[str, Any]:
    key, amount = _keyed(value, "request:RESOURCE:AMOUNT")
    return key, _amount(amount)


def _amount(text: str) -> str:
    if not _QUANTITY.fullmatch(text):
        raise Wrong(
            f"{text!r} is no amount", "write a number with an optional unit: 2, 500m, 1.5, 16Gi"
        )
    return text


def _annotation(value: str) -> tuple[str, Any]:
    return _keyed(value, "annotation:KEY:VALUE")


def _label(value: str) -> tuple[str, Any]:
    return _keyed(value, "label:KEY:VALUE")


def _node(value: str) -> tuple[str, Any]:
    return _keyed(value, "node:KEY:VALUE")


def _image(value: str) -> tuple[str, Any]:
    if not value or any(letter.isspace() for letter in value):
        raise Wrong(f"{value!r} is no image", "write `image:REFERENCE`, e.g. image:python:3.12")
    return "", value


def _env(value: str) -> tuple[str, Any]:
    name, colon, rest = value.partition(":")
    if not colon:
        raise Wrong("the form is `env:NAME:VALUE`", "write `env:NAME:VALUE`")
    return _env_name(name), rest


def _env_name(name: str) -> str:
    if not _ENV_NAME.fullmatch(name):
        raise Wrong(f"{name!r} is no name of an environment variable", "use letters, digits and _")
    return name


def _secret(value: str) -> tuple[str, Any]:
    parts = value.split(":")
    if len(parts) != 3:
        raise Wrong("the form is `secret:SECRET:KEY:ENV`", "write `secret:SECRET:KEY:ENV`")
    secret, key, env = parts
    if not _SECRET_NAME.fullmatch(secret):
        raise Wrong(f"{secret!r} is no name of a secret", "use a-z, 0-9, `-` and `.`")
    if not _SECRET_KEY.fullmatch(key):
        raise Wrong(f"{key!r} is no key of a secret", "use letters, digits and `-._`")
    return _env_name(env), Secret(secret=secret, key=key, env=env)


def _retry(value: str) -> tuple[str, Any]:
    if not (value.isascii() and value.isdigit()):
        raise Wrong(f"{value!r} is no number of attempts", "write a whole number: retry:2")
    return "", int(value)


def _timeout(value: str) -> tuple[str, Any]:
    seconds = parse_duration(value)
    if seconds is None:
        raise Wrong(f"{value!r} is no duration", "write seconds or units: 90, 30s, 5m, 2h, 1h30m")
    if seconds == 0:
        raise Wrong("a step cannot end in no time", "write how long it may take: timeout:30s")
    return "", seconds


def _switch(value: str) -> tuple[str, Any]:
    if value not in _SWITCH:
        raise Wrong(f"{value!r} is neither on nor off", "write on, off, enabled or disabled")
    return "", _SWITCH[value]


def _approval(value: str) -> tuple[str, Any]:
    if not value.strip():
        raise Wrong("the question is empty", "write `approval` or `approval:QUESTION`")
    return "", value.strip()


_Reader = Callable[[str], tuple[str, Any]]

STRUCTURE: dict[str, _Reader] = {
    "step": _step,
    "block": _step,
    "prev": _prev,
    "notebook": _notebook,
}
"""Words that say which cells run together and in what order."""

SETTINGS: dict[str, _Reader] = {
    "limit": _limit,
    "request": _request,
    "annotation": _annotation,
    "label": _label,
    "image": _image,
    "env": _env,
    "secret": _secret,
    "node": _node,
    "retry": _retry,
    "timeout": _timeout,
    "cache": _switch,
    "approval": _approval,
    # Kale's switch for an HTML report: the executed notebook is always kept, so it says nothing.
    "report": _switch,
}
"""Words that set something of a step; these are the ones that `steps_defaults` may hold."""

VALUED: dict[str, _Reader] = {**STRUCTURE, **SETTINGS}

_OTHERS = frozenset({"env"})
"""Settings whose bare word other tools have for a tag of their own."""

_OFTEN_MEANT = {
    "memory": "limit:memory",
    "mem": "limit:memory",
    "cpu": "limit:cpu",
    "cpus": "limit:cpu",
    "gpu": "limit:nvidia.com/gpu",
    "gpus": "limit:nvidia.com/gpu",
    "depends": "prev",
    "needs": "prev",
}
"""Words that people write for ours, though no letter of them is near."""

_PREFIXED = ("retry", "timeout")
"""Words that are surely meant where another word is joined to them: `retry_count:2`."""


def parse_tag(text: str) -> tuple[Tag | None, Diagnostic | None]:
    """Understand one tag.

    Args:
        text: The tag as it stands in the cell's metadata.

    Returns:
        The tag, None when it is none of the language; and what is wrong with it (without a
        place), None when nothing is. Both are there when the tag is misspelt but it is plain what
        was meant, so that one wrong letter yields one diagnostic and not ten.

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
    except Wrong as wrong:
        return _recover(word, value, text), _diagnostic(
            "ITH111", f"in the tag `{text}` {wrong.message}", wrong.cure, text, len(word) + 1
        )
    return Tag(kind=_kind(word), name=name, value=content, text=text), None


def _parse_bare(word: str, text: str) -> tuple[Tag | None, Diagnostic | None]:
    """A tag without a colon that is no role."""
    if word == "approval":
        return Tag(kind="approval", value="", text=text), None
    if word in VALUED and word not in _OTHERS:
        # Alone, such a word may well be another tool's; only the ones that shape the workflow are
        # surely ours.
        severity: Severity = "error" if word in STRUCTURE else "warning"
        return None, _diagnostic(
            "ITH111", f"the tag `{text}` has no value", f"write `{word}:…`", text, 0, severity
        )
    meant = _misspelt(word, (*ROLES, "approval"))
    if meant is None:
        return None, None
    kind = Tag(kind=meant, value="" if meant == "approval" else None, text=text)
    return kind, _did_you_mean(text, meant)


def _parse_misspelt(word: str, value: str, text: str) -> tuple[Tag | None, Diagnostic | None]:
    """A tag whose word is not in the table, but may be near to one."""
    plain = word.strip().lower()
    meant = _meant(plain)
    if meant is not None:
        return _recover(meant, value.strip(), text), _did_you_mean(text, f"{meant}:{value.strip()}")
    if plain in ROLES:
        return Tag(kind=plain, text=text), _did_you_mean(text, plain)
    return None, None


def _meant(word: str) -> str | None:
    """The word with a value that was probably meant by another one."""
    if word in VALUED:
        return word
    for ending, instead in (("ies", "y"), ("s", "")):
        if word.endswith(ending) and word.removesuffix(ending) + instead in VALUED:
            return word.removesuffix(ending) + instead
    if re.split("[-_]", word)[0] in _PREFIXED:
        return re.split("[-_]", word)[0]
    return _OFTEN_MEANT.get(word) or _misspelt(word, VALUED)


def _misspelt(word: str, known: Iterable[str]) -> str | None:
    """The known word that another one is surely a typing error of: other tools have tags too."""
    meant = nearest(word, known)
    if meant is None:
        return None
    if sorted(word) == sorted(meant):
        return meant if word[0] == meant[0] else None
    edits = SequenceMatcher(None, word, meant).get_opcodes()
    wrong = sum(max(b - a, d - c) for kind, a, b, c, d in edits if kind != "equal")
    return meant if wrong <= (2 if len(word) >= 8 else 1) else None


def _recover(word: str, value: str, text: str) -> Tag | None:
    """The tag that was meant, as far as the cells can be grouped by it."""
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
    return _diagnostic(
        "ITH110",
        f'unknown tag "{text}"; did you mean "{meant}"?',
        f"write `{meant}`, or rename the tag if it belongs to another tool",
        text,
        0,
    )


def _diagnostic(
    code: str, message: str, cure: str, text: str, start: int, severity: Severity = "error"
) -> Diagnostic:
    return Diagnostic(
        code=code,
        severity=severity,
        message=message,
        cure=cure,
        source=text,
        column=start + 1,
        end_column=max(len(text), start + 1) + 1,
    )


def is_label_value(text: str) -> bool:
    """Whether Kubernetes takes a text as the value of a label or node selector."""
    return len(text) <= 63 and _LABEL_VALUE.fullmatch(text) is not None


def parse_duration(text: str) -> float | None:
    """Seconds of `30s`, `5m`, `2h`, `1h30m` or plain seconds; None when it is no duration.

    Example:
        >>> parse_duration("1h30m")
        5400.0
    """
    if re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII):
        return float(text)
    if not re.fullmatch(_DURATION.pattern, text, re.ASCII):
        return None
    parts = re.findall(r"(\d+(?:\.\d+)?)([dhms])", text)
    units = [unit for _, unit in parts]
    if units != sorted(set(units), key="dhms".index):
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)
