"""/analytics: numbers over the calls of an organisation."""

from __future__ import annotations

from flask import Response

from app.domain.reporting import analytics
from app.routes.lean_flask import api_key
from app.routes.operations import Operation, Section
from app.routes.schemas.analytics import AnalyticsQueries
from app.routes.schemas.responses import AnalyticsResult
from app.routes.validation import reply, services

blueprint = Section("analytics", "Numbers over the calls of an organisation.")


@blueprint.serve(
    Operation("POST", "/analytics", "createAnalytics", AnalyticsResult, many=True, status=201)
)
def query(body: AnalyticsQueries) -> Response:
    """Ask for sums, averages and counts of calls. One result for each query, in their order."""
    context, org_id = services().context, api_key().org_id
    now = context.now()
    queries = [each.domain(now) for each in body.queries]
    return reply(analytics.answers(context, org_id, queries), 201)
