"""From what was typed to the trigger document, and from a refusal back to the fields."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tflited.pages.asking.field import Field, Look
from tflited.pages.asking.fields import FIELDS, POLICY

Typed = Mapping[str, Sequence[str]]
"""Field's name to what was given; a list with several entries where several may be."""

_KEY: Final = re.compile(r"(?:^|(?<=[\s(]))([a-z_][a-z0-9_.]*)[^\s:]*(?=: )")
_HEADERS: Final = re.compile(r"^(trigger \S+: |The trigger document is wrong: )")
_SHORT: Final = {"type": "model.type", "model": "model.path", "hub": "model.hub"}
_NEXT: Final = " Next: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a form asks for.

    Attributes:
        document: the trigger document without an id.
        problems: key of a field to why it cannot be read; the document leaves those out.
    """

    document: Mapping[str, Any]
    problems: Mapping[str, str] = field(default_factory=dict)


def asked(typed: Typed) -> Asked:
    """The document of a form; a field that is empty is not in it."""
    document: dict[str, Any] = {"version": 1}
    problems: dict[str, str] = {}
    for key, each in FIELDS.items():
        given = [text for text in typed.get(key, ()) if text.strip()]
        if not given:
            continue
        try:
            _place(document, key, _value(each, given))
        except ValueError as error:
            problems[key] = f"observed {_shown(given)}, allowed {error}"
    return Asked(document=document, problems=problems)


def with_id(document: Mapping[str, Any], nonce: str) -> dict[str, Any]:
    """The document with an id: sent twice it is one job, changed in between it is another.

    Args:
        document: without an id.
        nonce: of the form, a new one each time that it is opened.
    """
    text = json.dumps([nonce, document], sort_keys=True)
    name = f"form-{hashlib.sha256(text.encode('ascii')).hexdigest()[:32]}"
    return {"version": document["version"], "id": name, **document}


def blamed(reason: str, *, has_handle: bool) -> dict[str, str]:
    """Field's key to what a refusal says about it.

    Args:
        reason: of the receipt. Its parts name keys of the document or of the policy, with a colon;
            what names none is about the model.
        has_handle: whether the model is a Hub module.
    """
    message, _, hint = reason.rpartition(_NEXT) if _NEXT in reason else (reason, "", "")
    fallback = "model.hub" if has_handle else "model.path"
    found: dict[str, list[str]] = {}
    for part in _parts(message):
        key = next(filter(None, map(_known, _KEY.findall(part))), fallback)
        found.setdefault(key, []).append(part)
    if fallback in found and hint:
        found[fallback].append(f"Next: {hint}")
    return {key: " ".join(parts) for key, parts in found.items()}


def _parts(message: str) -> Iterator[str]:
    for line in re.split(r"\n|; ", message):
        part = _HEADERS.sub("", line.strip())
        if part and not part.endswith("that cannot be:"):
            yield part


def _known(name: str) -> str:
    """The field that a key of the document or of the policy belongs to; empty for none."""
    for key in (_SHORT.get(name, name), f"{POLICY}.{name}"):
        if key in FIELDS and key != POLICY:
            return key
    above = name.rpartition(".")[0]
    if name.startswith(f"{POLICY}."):
        return _known(above) if above != POLICY else POLICY
    return _known(above) if above else ""


def _value(each: Field, given: Sequence[str]) -> Any:
    """What the document says for a field.

    Raises:
        ValueError: it cannot be read, or is none of the field's choices.
    """
    if each.look is Look.SEVERAL:
        return [_chosen(each, text) for text in given]
    text = given[-1]
    if each.look is Look.SWITCH:
        return True
    if each.look is Look.CHOICE and each.key != "policy.name":
        _chosen(each, text)
    return each.read(text.strip())


def _chosen(each: Field, text: str) -> str:
    values = [value for value, _ in each.choices]
    if text not in values:
        raise ValueError(f"one of {', '.join(filter(None, values))}")
    return text


def _place(document: dict[str, Any], key: str, value: Any) -> None:
    """Puts a value where its dotted key says.

    Raises:
        ValueError: another field said it already.
    """
    *above, name = key.split(".")
    for part in above:
        document = document.setdefault(part, {})
    if isinstance(value, dict) and name in document:
        _merge(document[name], value)
    else:
        document[name] = value


def _merge(told: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        if isinstance(value, dict) and isinstance(told.get(name), dict):
            _merge(told[name], value)
        elif name in told:
            raise ValueError(f"keys that no field above gives: {name} is given there")
        else:
            told[name] = value


_LONGEST: Final = 80


def _shown(given: Sequence[str]) -> str:
    text = ", ".join(given)
    return repr(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")
