"""Queries over the calls of an organisation. https://docs.vapi.ai/api-reference/analytics/get"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from app.domain.reporting import analytics
from app.domain.reporting.time_steps import Step
from app.routes.schemas.base import Model, Moment
from app.routes.schemas.wording import wrong

MOST_QUERIES = MOST_OPERATIONS = 30
UTC_NAME = "UTC"
NO_SUBSCRIPTION = "no subscriptions are kept here: count calls, and their duration"


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise wrong("$property must be a time zone such as Europe/Rome") from None
    return name


def _table(name: str) -> str:
    if name != "call":
        raise wrong(f"$property must be call: {NO_SUBSCRIPTION}")
    return name


class TimeRange(Model):
    """The calls that were created in it."""

    step: Annotated[Step, Field(strict=False)] | None = Field(
        None, description="Default: the whole range is one step."
    )
    start: Moment | None = Field(None, description="Default 7 days before the end.")
    end: Moment | None = Field(None, description="Default now.")
    timezone: Annotated[str, AfterValidator(_zone)] | None = Field(None, description="Default UTC.")


class AnalyticsOperation(Model):
    """One number of each group. ``duration`` is in minutes."""

    operation: Literal["sum", "avg", "count", "min", "max"]
    column: Literal[
        "id",
        "cost",
        "costBreakdown.llm",
        "costBreakdown.stt",
        "costBreakdown.tts",
        "costBreakdown.vapi",
        "costBreakdown.transport",
        "costBreakdown.analysisBreakdown.summary",
        "costBreakdown.transcriber",
        "costBreakdown.ttsCharacters",
        "costBreakdown.llmPromptTokens",
        "costBreakdown.llmCompletionTokens",
        "costBreakdown.llmCachedPromptTokens",
        "duration",
    ]
    alias: Annotated[str, Field(min_length=1, max_length=40)] | None = Field(
        None, description="The name of the number. Default: both words, such as sumDuration."
    )

    @property
    def domain(self) -> analytics.Operation:
        words = f"{self.operation}_{self.column.replace('.', '_')}"
        return analytics.Operation(self.operation, self.column, self.alias or _camel(words))


class VariableGroup(Model):
    """A variable of the call, to group by."""

    key: str = Field(min_length=1, max_length=100)


class AnalyticsQuery(Model):
    """One query."""

    table: Annotated[str, AfterValidator(_table)]
    name: str = Field(min_length=1, max_length=100)
    operations: list[AnalyticsOperation] = Field(min_length=1, max_length=MOST_OPERATIONS)
    group_by: (
        list[Literal["type", "assistantId", "endedReason", "analysis.successEvaluation", "status"]]
        | None
    ) = Field(None, max_length=5)
    group_by_variable_value: list[VariableGroup] | None = Field(None, max_length=5)
    time_range: TimeRange | None = None

    def domain(self, now: datetime) -> analytics.Query:
        asked = self.time_range or TimeRange.model_validate({})
        zone = asked.timezone or UTC_NAME
        end = asked.end or now
        return analytics.Query(
            self.name,
            [each.domain for each in self.operations],
            asked.start or _before(end),
            end,
            ZoneInfo(zone),
            zone,
            asked.step,
            self.group_by or (),
            [each.key for each in self.group_by_variable_value or ()],
        )


class AnalyticsQueries(Model):
    """Queries, each answered by its name."""

    queries: list[AnalyticsQuery] = Field(min_length=1, max_length=MOST_QUERIES)


def _camel(words: str) -> str:
    """``sum_costBreakdown_llm`` as ``sumCostBreakdownLlm``."""
    first, *others = words.split("_")
    return first + "".join(f"{each[0].upper()}{each[1:]}" for each in others)


def _before(end: datetime) -> datetime:
    return end - min(analytics.DEFAULT_SPAN, end - datetime.min.replace(tzinfo=end.tzinfo))
