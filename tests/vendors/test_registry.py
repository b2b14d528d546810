"""The seam of AI vendors: data in the registry, code in a company's folder, names nowhere else."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import token
import tokenize
from collections.abc import Iterator, Mapping
from pathlib import Path
from pkgutil import resolve_name

import pytest

from app.domain.costs.vendor_prices import SHIPPED
from app.vendors import registry
from app.vendors.registry import VENDORS
from tests.test_arrows import DOMAIN_MAY_NAME, FILES, ROOT, imports

FOLDERS = ROOT / "app" / "vendors"
SHARED = {"common", "embedded"}
"""Folders that are no company's."""
COMPANIES = {path.parent.name for path in FOLDERS.glob("*/__init__.py")} - SHARED
EVERYWHERE = {"custom", "embedded", "vapi"}
"""Names that mean more than a vendor."""
NAMES = re.compile(
    rf"\b({'|'.join(sorted(map(re.escape, {*COMPANIES, *VENDORS} - EVERYWHERE)))})\b",
    re.IGNORECASE,
)
MAY_NAME: Mapping[str, str] = {
    "app/vendors/registry.py": "the list of them",
    "app/domain/assistant/voicemail.py": "Vapi's names of voicemail detectors",
    "app/domain/assistant/tool_types.py": "Vapi's names of tools",
    "app/vendors/key_requests.py": "one request of each, by which the doctor tries a key",
    "app/domain/dashboard/assistants/choices.py": "the models that a new assistant prefers",
    "app/dashboard/call_actions.py": "a supervisor's whisper",
    "app/cli/scenarios/assistant.py": "the protocols of the stand-ins",
    "app/cli/scenarios/schema.py": "the judge's model",
    "app/cli/demo_talk.py": "the voice of the demo's caller, beside the assistant's",
    "app/routes/assistant_examples.py": "the examples of the OpenAPI document",
}
OPENAI_MESSAGES = {
    "app/domain/legs/upstream.py",
    "app/domain/reporting/artifact.py",
    "app/assistants/local/transcript",
    "app/assistants/local/turns/endpoint_request.py",
}
"""``openai`` is a format of messages there: Vapi's field ``messagesOpenAIFormatted``."""
PARTS = [
    (kind, name, part)
    for kind, parts in (
        ("model", registry.llm_parts()),
        ("transcriber", registry.stt_parts()),
        ("voice", registry.tts_parts()),
    )
    for name, part in parts.items()
]


def code(path: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of the tokens that are neither comments nor docstrings."""
    before = token.NEWLINE
    for each in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
        if each.type in (token.NL, token.COMMENT):
            continue
        begins = before in (token.NEWLINE, token.INDENT, token.DEDENT, token.ENCODING)
        if not (each.type == token.STRING and begins):
            yield each.start[0], each.string
        before = each.type


def company(path: Path) -> str | None:
    parts = path.relative_to(ROOT).parts
    return parts[2] if parts[:2] == ("app", "vendors") and len(parts) > 3 else None


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if path.is_relative_to(ROOT / "app")],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_no_vendor_is_named_outside_its_folder(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    if name in MAY_NAME or company(path) in COMPANIES:
        return
    found = [(line, text) for line, text in code(path) if NAMES.search(text)]
    if any(name.startswith(each) for each in OPENAI_MESSAGES):
        found = [(line, text) for line, text in found if text != "openai"]
    assert found == []


@pytest.mark.parametrize(
    "path", sorted(FOLDERS.rglob("*.py")), ids=lambda path: str(path.relative_to(FOLDERS))
)
def test_what_a_vendors_module_may_import(path: Path) -> None:
    """A company builds on what is shared and on OpenAI's protocol; the shared parts on nothing."""
    here, found = company(path), imports(path)
    if here in SHARED | COMPANIES:
        assert not {name for name in found if name.startswith("app.domain")}
        assert not found & {"app.vendors.llm", "app.vendors.stt", "app.vendors.tts"}
    if here in SHARED:
        allowed = f"app.vendors.{here}", "app.vendors.common", "app.vendors.registry"
        theirs = {name for name in found if name.startswith("app.vendors.")}
        assert {name for name in theirs if not name.startswith(allowed)} == set()


@pytest.mark.parametrize("folder", ["app/domain", "app/routes", "app/settings"])
def test_the_rest_knows_the_data_alone(folder: str) -> None:
    for path in FILES:
        if path.is_relative_to(ROOT / folder):
            theirs = {name for name in imports(path) if name.startswith("app.vendors")}
            assert theirs <= set(DOMAIN_MAY_NAME), path


@pytest.mark.parametrize(
    "module", ["registry", "llm", "speech", "stt", "tts", "failures", "one_shot"]
)
def test_importing_it_loads_no_sdk_and_no_pipecat(module: str) -> None:
    source = (
        f"import sys, app.vendors.{module}\n"
        "sdks = {'pipecat', 'openai', 'anthropic', 'deepgram', 'aiohttp', 'numpy', 'httpx2'}\n"
        "assert not sdks & set(sys.modules), sdks & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", source], check=True)


@pytest.mark.parametrize(("kind", "name", "part"), PARTS, ids=lambda each: str(each)[:20])
def test_every_part_is_where_its_vendor_says(kind: str, name: str, part: object) -> None:
    assert callable(resolve_name(part.make))
    if kind == "model":
        protocol = resolve_name(part.one_shot)
        assert callable(protocol.request)
        assert callable(protocol.read)


def test_every_company_is_registered() -> None:
    used = {part.make.split(".")[2] for _, _, part in PARTS}
    assert used >= COMPANIES


def test_prices_are_of_vendors_with_that_part() -> None:
    table = json.loads(SHIPPED.read_text())
    for kind in ("model", "voice", "transcriber"):
        known = {name for found, name, _ in PARTS if found == kind} | {"embedded"}
        assert set(table[kind]) <= known


# ------------------------------------------------------------------ the pages


def rows(page: str) -> dict[str, list[str]]:
    """The cells of each row of a page's first table of providers, by each name in its first cell."""
    text = (ROOT / "docs" / page).read_text()
    _, _, table = text.partition("provider` |")
    found = dict[str, list[str]]()
    for line in table.partition("\n\n")[0].splitlines()[2:]:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        found |= dict.fromkeys(re.findall(r"`([^`]+)`", cells[0]), cells)
    return found


def test_the_page_of_voices_has_them_all() -> None:
    found = rows("voices.md")
    assert set(found) == set(registry.tts_parts())
    for name, part in registry.tts_parts().items():
        assert found[name][-1] == ("yes" if part.word_times else "no"), name
        assert ("only at an address" in found[name][1]) == bool(VENDORS[name].discontinued), name


def test_the_page_of_transcribers_has_them_all() -> None:
    assert set(rows("transcribers.md")) == set(registry.stt_parts())


def test_the_page_of_assistants_has_every_model() -> None:
    assert set(rows("assistants.md")) == {*registry.llm_parts(), "embedded"}
