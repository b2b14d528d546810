"""Reads a folder that Vapi's gitops pulled. https://github.com/VapiAI/gitops

``resources/ENV/`` has a folder per kind and a file per object, with names in place of ids. The
system prompt of an assistant is the text below the front matter of a Markdown file.
``.vapi-state.ENV.json`` has the ids.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app.cli.vapi import core_yaml
from app.cli.vapi.kinds import KINDS
from app.cli.vapi.source import LONGEST_ID, Credential, Found, Source, SourceError, name_of
from providers.common.json_types import JsonDict

FOLDERS = {kind.folder: kind.name for kind in KINDS if kind.folder}
NOT_SERVED = ("simulations", "evals")
"""Folders of what is not served here."""
MARKDOWN, YAML, CODE = ".md", (".yml", ".yaml"), ".ts"
FRONT_MATTER = re.compile(r"---\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n(.*))?\Z", re.DOTALL)
BACKUP = ".bkp."
"""In the name of a copy that a conflict left. It is not an object."""
MARKER = "_platformDefault"
"""A field of gitops's own."""


def read(folder: str, env: str | None) -> Source:
    """Raises ``SourceError``. ``env``: which environment, where the folder has several."""
    resources, state_file = _places(Path(folder), env)
    state = _state(state_file)
    objects, notes = list[Found](), list[str]()
    for name, kind in FOLDERS.items():
        for path in _files(resources / name):
            if path.suffix == CODE:
                notes.append(f"{path} is a program and not read: import with VAPI_API_KEY instead")
                continue
            objects.append(_object(path, resources / name, kind, _ids(state, name)))
    notes += [f"{each} are not served here" for each in NOT_SERVED if (resources / each).is_dir()]
    if not state:
        notes.append(f"{state_file} is not there: the objects get ids of their own")
    accounts = [Credential(id, name) for name, id in _ids(state, "credentials").items()]
    whole = frozenset(kind for name, kind in FOLDERS.items() if (resources / name).is_dir())
    return Source(objects, accounts, notes, kinds=whole)


def _places(folder: Path, env: str | None) -> tuple[Path, Path]:
    """The folder of the objects, and the state file."""
    root = folder / "resources"
    if root.is_dir():
        envs = sorted(each.name for each in root.iterdir() if _has_kinds(each))
        if env is None and len(envs) > 1:
            raise SourceError(f"{folder} has several environments: choose --env {', '.join(envs)}")
        chosen = env or next(iter(envs), "")
        if chosen not in envs:
            named = f"environment {env}" if env else "objects"
            raise SourceError(f"{folder} has no {named}: let gitops pull first")
        return root / chosen, folder / f".vapi-state.{chosen}.json"
    if not _has_kinds(folder):
        raise SourceError(f"{folder} is not a folder of Vapi's gitops: it has no resources/")
    whole = folder.resolve()
    return whole, whole.parent.parent / f".vapi-state.{whole.name}.json"


def _has_kinds(folder: Path) -> bool:
    return folder.is_dir() and any((folder / name).is_dir() for name in FOLDERS)


def _state(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be read as JSON") from error
    if not isinstance(found, dict):
        raise SourceError(f"{path} is not a state file of Vapi's gitops")
    return found


def _ids(state: Mapping[str, Any], section: str) -> dict[str, str]:
    """Name -> id. Older state files have the id alone."""
    entries = state.get(section)
    if not isinstance(entries, dict):
        return {}
    ids = {k: v.get("uuid") if isinstance(v, dict) else v for k, v in entries.items()}
    return {name: id for name, id in ids.items() if isinstance(id, str)}


def _files(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for path in sorted(folder.rglob("*")):
        is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        is_object = path.suffix in {MARKDOWN, CODE, *YAML} and BACKUP not in path.name
        if path.is_file() and is_object and not is_hidden:
            yield path


def _object(path: Path, folder: Path, kind: str, ids: Mapping[str, str]) -> Found:
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} cannot be read as a text") from error
    body = _front_matter(text, path) if path.suffix == MARKDOWN else core_yaml.read(text, str(path))
    alias = path.relative_to(folder).with_suffix("").as_posix()
    body.pop(MARKER, None)
    source_id = ids.get(alias, alias)[-LONGEST_ID:]
    return Found(kind, source_id, name_of(body, alias), body, alias)


def _front_matter(text: str, path: Path) -> JsonDict:
    """The fields, with the text below them as the first system message."""
    match = FRONT_MATTER.match(text)
    if match is None:
        raise SourceError(f"{path} has no front matter: YAML between two lines of ---")
    body, prompt = core_yaml.read(match[1], str(path)), (match[2] or "").strip()
    if not prompt:
        return body
    given = body.get("model")
    model: JsonDict = given if isinstance(given, dict) else {}
    messages = model.get("messages")
    others = [m for m in messages if not _is_system(m)] if isinstance(messages, list) else []
    return {**body, "model": {**model, "messages": [_system(prompt), *others]}}


def _system(prompt: str) -> JsonDict:
    return {"role": "system", "content": prompt}


def _is_system(message: Any) -> bool:
    return isinstance(message, dict) and message.get("role") == "system"
