"""Families of the gateway: what it was asked, and what it did."""

from jobgauge.family import Family, Kind

REQUESTS = Family(
    "jobgauge_gateway_requests_total",
    Kind.COUNTER,
    "Requests by the call of the query API (none: there is no such call) and by what became of them: answered, refused,"
    " unidentified, limited (no place at the store), upstream (the store failed), gone (the client left), failed.",
    ("endpoint", "outcome"),
)
REQUEST_SECONDS = Family(
    "jobgauge_gateway_request_seconds_total",
    Kind.COUNTER,
    "Time from the head of a request to the end of its answer, summed over requests.",
    ("endpoint",),
    "seconds",
)
ANSWER_BYTES = Family(
    "jobgauge_gateway_answer_bytes_total",
    Kind.COUNTER,
    "Bytes of answers, as they were sent, so mostly compressed.",
    ("endpoint",),
    "bytes",
)
INSIDE = Family("jobgauge_gateway_queries_at_store", Kind.GAUGE, "Queries that the store works on now.")
WAITING = Family(
    "jobgauge_gateway_queries_waiting", Kind.GAUGE, "Queries that wait for a place at the store."
)
STAFF_VIEWS = Family(
    "jobgauge_gateway_staff_views_total",
    Kind.COUNTER,
    "Queries of staff that name another user, or a job; the audit trail says whom.",
)
PEOPLE_AGE = Family(
    "jobgauge_gateway_people_age_seconds",
    Kind.GAUGE,
    "How long ago a source of people (who leads which account) was read; what it grants ends with people.keep.",
    ("source",),
    "seconds",
)
KEY_FETCHES = Family(
    "jobgauge_gateway_key_fetches_total",
    Kind.COUNTER,
    "Fetches of Grafana's signing keys, by result: success or failure.",
    ("result",),
)
