"""Templates: what they render to, what cannot be parsed, and what they may not do."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.assistant.liquid import engine, text
from app.domain.assistant.liquid.filters import MAX_WEIGHT
from app.domain.assistant.liquid.text import fill, fill_all, fill_url, problem
from app.domain.assistant.variables import values

CALL = {"id": "c1", "type": "inboundPhoneCall", "customer": {"number": "+14155550123"}}
OWN = {
    "name": "Ann",
    "order": {"items": {"count": 3}, "lines": [{"what": "bread"}, {"what": "cake"}]},
    "vip": True,
    "none": None,
    "first-name": "Bob",
    "trick": "{{call.id}}",
}


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("Hello {{name}}.", "Hello Ann."),
        ("{{ name }}{{name}}", "AnnAnn"),  # spaces, and twice
        ("{{customer.number}}", "+14155550123"),  # what every call has
        ("{{call.id}} {{call.type}}", "c1 inboundPhoneCall"),
        ("{{order.items.count}}", "3"),  # any depth
        ("{{order.lines[1].what}}", "cake"),  # an item of a list
        ("{{ order['lines'][0]['what'] }}", "bread"),
        ("{{first-name}}", "Bob"),
        ("<{{nobody}}{{nobody.at.all}}>", "<>"),  # unknown is empty
        ("{{name", "name"),  # not closed: without its braces
        ("{{vip}}", "true"),  # as JSON writes it
        ("<{{none}}>", "<>"),
        ("{{name | upcase}}", "ANN"),
        ("{{nobody | default: 'friend'}}", "friend"),
        ("{{order.items | json}}", '{"count": 3}'),
        ("{% if vip %}Welcome back{% else %}Hello{% endif %}, {{name}}", "Welcome back, Ann"),
        ("{% for each in order.lines %}{{each.what}} {% endfor %}", "bread cake "),
        ("{% assign x = name | downcase %}{{x}}", "ann"),
        ("{{trick}}", "{{call.id}}"),  # a value is never a template
        ("{{name | nofilter}}", "Ann"),  # told at creation; the value passes
        ("<{{ 1 | divided_by: 0 }}>", "<>"),
        ("{{first name}}: {{name}}", "first name: Ann"),  # only the bad one loses its braces
        ('{{"a": 1}} {{ name }}', '"a": 1 Ann'),  # braces of a Python format string
        ("{% include 'secrets' %}{{name}}", "Ann"),  # no other templates
        ("{% render 'secrets' %}x", "x"),
        ("{{name.__class__}}{{order.__class__}}{{order.keys}}", ""),  # no attributes of objects
        ('{"a": {"b": 1}}', '{"a": {"b": 1}}'),  # JSON is no template
        ("{% raw %}{{name}}{% endraw %}", "{{name}}"),
    ],
)
def test_fill(template: str, filled: str) -> None:
    assert fill(template, values(OWN, CALL)) == filled


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ('{{"2026-11-23T13:05:00Z" | date: "%A, %B %d, %Y, %I:%M %p", "Europe/Rome"}}',
         "Monday, November 23, 2026, 02:05 PM"),
        ('{{"2026-07-01T12:00:00Z" | date: "%H:%M %Z", "Europe/Rome"}}', "14:00 CEST"),  # summer
        ('{{"2026-01-01T12:00:00Z" | date: "%H:%M %Z", "europe/rome"}}', "13:00 CET"),
        ('{{"2026-03-29T00:59:59Z" | date: "%H:%M", "Europe/Rome"}}', "01:59"),  # before the change
        ('{{"2026-03-29T01:00:00Z" | date: "%H:%M", "Europe/Rome"}}', "03:00"),
        ('{{"2026-01-01T12:00:00Z" | date: "%H:%M", "No/Where"}}', "12:00"),  # UTC
        ('{{"2026-01-01T12:00:00Z" | date: "%H:%M", "../../etc/passwd"}}', "12:00"),
        ('{{"2026-01-01T12:00:00Z" | date: "%H:%M", -330}}', "17:30"),  # minutes, as LiquidJS
        ('{{"2026-01-02" | date: "%-d%q of %B"}}', "2nd of January"),
        ('{{"2026-01-11" | date: "%-d%q"}}', "11th"),
        ('{{"March 14, 2016" | date: "%Y-%m-%d"}}', "2016-03-14"),
        ('{{ 86400 | date: "%Y-%m-%d %s"}}', "1970-01-02 86400"),
        ('{{now | date: "%Y-%m-%d %H:%M", "America/New_York"}}', "2026-11-23 09:05"),  # the variable
        ('{{date | date: "%Y-%m-%d"}}', "2026-11-23"),
        ('{{"soon" | date: "%Y"}}', "soon"),  # no date stays
        ('<{{nobody | date: "%Y"}}>', "<>"),
        ('{{"2026-01-01" | date: "%999999999d"}}', "%999999999d"),  # no width
        ("{{date}}, {{time}}", "Nov 23, 2026, 02:05 PM"),
        ("{{day}} {{month}} {{year}}", "23 November 2026"),
    ],
)  # fmt: skip
def test_date(template: str, filled: str) -> None:
    at = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
    assert fill(template, values({}, CALL, at)) == filled


def test_now_is_now() -> None:
    assert fill('{{"now" | date: "%Y-%m-%d"}}', {}) == datetime.now(UTC).date().isoformat()


def test_the_clients_own_values_win() -> None:
    assert fill("{{year}}", values({"year": "never"}, CALL)) == "never"


def test_a_json_value_is_rendered_at_every_depth() -> None:
    given = {"a": ["{{name}}", {"b{{name}}": "{{name}}"}], "c": 3}
    assert fill_all(given, {"name": "Ann"}) == {"a": ["Ann", {"b{{name}}": "Ann"}], "c": 3}


def test_a_value_cannot_break_a_url() -> None:
    url = "https://example.com/{{name}}?b=%20"
    assert fill_url(url, {"name": "Ann é\n"}) == "https://example.com/Ann%20%C3%A9%0A?b=%20"


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("Hello.", None),
        ("{{name}}", None),
        ("{{first name}}", "cannot be parsed"),
        ("{{name", "is not closed"),
        ("{% if x %}", "cannot be parsed"),
        ("{% include 'x' %}", "cannot be parsed"),
        ("{{x | nofilter}}", "a filter that does not exist: nofilter"),
        ("{{x}}" * (text.MAX_TAGS + 1), "at most 1000 templates"),
    ],
)
def test_problem(template: str, why: str | None) -> None:
    found = problem(template)
    assert found is None if why is None else why in str(found)


HOSTILE: list[tuple[str, dict[str, Any]]] = [
    ("{% for i in (1..1000000000) %}x{% endfor %}", {}),
    ("{% for i in (1..900) %}{% for j in (1..900) %}x{% endfor %}{% endfor %}", {}),
    ("{{ (1..100000000) | join }}", {}),
    ("{% assign a='x' %}" + "{% assign a = a | append: a %}" * 40 + "{{a}}", {}),
    ("{{ a | replace: 'a', a | replace: 'a', a | replace: 'a', a }}", {"a": "a" * 900}),
    ("{{ a | concat: a | concat: a | join }}", {"a": ["x" * MAX_WEIGHT]}),
    ("{% for i in (1..1000) %}" + "{% if true %}{% endif %}" * 400 + "{% endfor %}", {}),
    ("{% for i in (1..1000) %}{{ a | sort | uniq | join }}{% endfor %}", {"a": [*range(900)]}),
    ("{% for i in (1..1000) %}{{ a }}{% endfor %}", {"a": "x" * 100_000}),
    ("{{" * 50_000, {}),
    ("{%" * 50_000, {}),
    ("{% raw %}" * 900 + "x" * 200_000, {}),
    ("{% comment %}" * 900 + "x" * 200_000, {}),
    ("{% if a %}" * 400 + "{% endif %}" * 400, {}),
    ("{{ a" + "[a" * 600 + "]" * 600 + "}}", {}),
    ("{{ a | strip_html }}", {"a": "<!--" * 20_000}),
]


@pytest.mark.parametrize(("template", "known"), HOSTILE, ids=lambda each: str(each)[:30])
def test_a_hostile_template_is_bounded(template: str, known: dict[str, Any]) -> None:
    rendered = fill(template, known)
    assert len(rendered) <= max(len(template), engine.MAX_OUTPUT)
    assert "{{" not in rendered
    assert "{%" not in rendered
    problem(template)


def test_a_slow_template_stops_at_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "SECONDS", 0.0)
    assert fill("a{% for i in (1..9) %}x{% endfor %}", {}) == "ax"  # the braces are gone


def test_parsed_templates_are_kept_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = text._Cache()
    monkeypatch.setattr(text, "MAX_KEPT", 100)
    first = kept.get("{{first}}")
    assert kept.get("{{first}}") is first
    for number in range(50):
        kept.get(f"{{{{ name{number} }}}}")
    assert kept._size <= 100
    assert kept.get("{{first}}") is not first


def test_threads_share_a_template() -> None:
    found = list[str]()
    work = [
        threading.Thread(target=lambda n=n: found.append(fill("{{n}}-{{n}}", {"n": n})))
        for n in range(8)
    ]
    for each in work:
        each.start()
    for each in work:
        each.join()
    assert sorted(found) == [f"{n}-{n}" for n in range(8)]


@given(st.text(), st.dictionaries(st.text(), st.text()))
def test_any_text_fills(template: str, known: dict[str, Any]) -> None:
    assert isinstance(fill(template, known), str)


@given(st.text(alphabet="{}%|a.b [1]'\" :forinendif", max_size=60))
def test_no_template_is_spoken_raw(template: str) -> None:
    rendered = fill(template, {})
    assert "{%" not in rendered or "'" in template or '"' in template
    assert problem(template) is None or isinstance(problem(template), str)


@pytest.mark.parametrize("name", sorted({*engine._sandbox(rendering=True).filters, "safe"}))
def test_no_filter_makes_a_value_markup(name: str) -> None:
    """An operator's leg would run it."""
    for arguments in ("", ": n", ": n, n", ": 'x', n", ": n, 1"):
        for value in ("n", "names", "'x'"):
            template = f"<Say>{{{{ {value} | {name}{arguments} }}}}</Say>"
            given = {"n": "<Hangup/>", "names": ["<Hangup/>", "<Hangup/>"]}
            assert "<Hangup" not in fill(template, given, escapes=True)


def test_a_whole_number_grows_no_longer_than_it_can_be_written() -> None:
    """Beyond that its product with itself would take seconds, and no other thread would run."""
    squares = "{% assign x = 9 %}" + "{% assign x = x | times: x %}" * 16
    assert fill(squares + "{{ x }}", {}) == str(9**4096)
    assert fill(squares + "{{ x" + " | times: x" * 50 + " }}", {}) == ""
