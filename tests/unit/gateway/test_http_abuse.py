"""Raw requests that two readers could read in two ways: each is refused, and the store never hears of it."""

from __future__ import annotations

import gzip
import json
import re
import socket
import urllib.parse
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.support.gateway import EMPTY, SECRET, Gateway, Store, run
from tests.support.web import read_answer, until_closed

pytestmark = pytest.mark.system
WHO = f"Host: gateway\r\nX-Jobgauge-Channel: {SECRET}\r\nX-Grafana-User: alice\r\n"
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
MINE = '{__name__="hpc_job_cpus",user="alice"}'


@pytest.fixture(scope="module")
def gateway_and_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, Store]]:
    with (
        closing(Store()) as store,
        run(tmp_path_factory.mktemp("gateway"), store.url, **{"limits.stall": "1s"}) as gateway,
    ):
        yield gateway, store


@pytest.fixture
def store(gateway_and_store: tuple[Gateway, Store]) -> Store:
    gateway_and_store[1].asked.clear()
    return gateway_and_store[1]


@pytest.fixture
def gateway(gateway_and_store: tuple[Gateway, Store]) -> Gateway:
    return gateway_and_store[0]


def get(target: str, headers: str = WHO) -> bytes:
    return f"GET {target} HTTP/1.1\r\n{headers}\r\n".encode("latin-1")


def post(
    body: str | bytes, headers: str = FORM, path: str = "/api/v1/query", length: int | None = None
) -> bytes:
    data = body.encode() if isinstance(body, str) else body
    size = len(data) if length is None else length
    return f"POST {path} HTTP/1.1\r\n{WHO}{headers}Content-Length: {size}\r\n\r\n".encode() + data


def chunked(body: str, headers: str = FORM) -> bytes:
    head = f"POST /api/v1/query HTTP/1.1\r\n{WHO}{headers}Transfer-Encoding: chunked\r\n\r\n"
    return f"{head}{len(body):x}\r\n{body}\r\n0\r\n\r\n".encode()


QUERY = "/api/v1/query?query=hpc_job_cpus"
NOT_FOUND = [
    "/",
    "/metrics",
    "/graph",
    "/federate?match[]=hpc_job_cpus",
    "/-/healthy",
    "/-/reload",
    "/debug/pprof/",
    "/api/v1",
    "/api/v1/",
    "/api/v1/query/",
    "/api/v1//query?query=up",
    "//api/v1/query?query=up",
    "/api/v1/./query?query=up",
    "/api/v1/x/../query?query=up",
    "/api/v1/%71uery?query=up",
    "/api/v1/query;x=1?query=up",
    "/API/v1/query?query=up",
    "/api/v1/query%00?query=up",
    "/api/v1/query%2e?query=up",
    "/prometheus/api/v1/query?query=up",
    "/select/0/prometheus/api/v1/query?query=up",
    "http://gateway/api/v1/query?query=up",
    "http://127.0.0.1/api/v1/query?query=up",
    "/api/v1/query_range_x",
    "/api/v1/status/tsdb",
    "/api/v1/status/config",
    "/api/v1/status/flags",
    "/api/v1/targets",
    "/api/v1/targets/metadata",
    "/api/v1/alertmanagers",
    "/api/v1/read",
    "/api/v1/write",
    "/api/v1/otlp/v1/metrics",
    "/api/v1/admin/tsdb/snapshot",
    "/api/v1/format_query?query=up",
    "/api/v1/parse_query?query=up",
    "/api/v1/export?match[]=up",
    "/api/v1/import",
    "/api/v1/series/count",
    "/api/v1/search/series",
    "/api/v1/notifications",
    "/api/v1/features",
    "/api/v1/scrape_pools",
    "/api/v1/stores",
    "/api/v1/label/user",
    "/api/v1/label//values",
    "/api/v1/label/us%65r/values",
    "/api/v1/label/user/../account/values",
    "/api/v1/label/us er/values".replace(" ", "%20"),
    "/api/v1/label/ü/values",
    "/vmui",
    "/render?target=x",
    "/metrics/find?query=*",
]


@pytest.mark.parametrize("target", NOT_FOUND)
def test_what_is_not_in_the_table_is_not_there(gateway: Gateway, store: Store, target: str) -> None:
    answer = gateway.raw(get(target))
    assert answer.status in (404, 400)
    assert store.asked == []


REFUSED: dict[str, tuple[bytes, int]] = {
    "query twice in the URL": (get(QUERY + "&query=up"), 400),
    "query in URL and body": (post("query=up", path=QUERY), 400),
    "query twice in the body": (post("query=hpc_job_cpus&query=up"), 400),
    "time twice": (get(QUERY + "&time=1&time=2"), 400),
    "name hidden by an escape": (get(QUERY + "&quer%79=up"), 400),
    "an empty one before": (get("/api/v1/query?query=&query=up"), 400),
    "unknown parameter": (get(QUERY + "&x=1"), 400),
    "extra_filters[] of VictoriaMetrics": (get(QUERY + "&extra_filters[]=%7B%7D"), 400),
    "extra_filters": (get(QUERY + "&extra_filters=%7B%7D"), 400),
    "extra_label": (get(QUERY + "&extra_label=user=bob"), 400),
    "nocache": (get(QUERY + "&nocache=1"), 400),
    "storeMatch[] of Thanos": (get(QUERY + "&storeMatch[]=%7B%7D"), 400),
    "match[] where none belongs": (get(QUERY + "&match[]=up"), 400),
    "semicolon as separator": (get(QUERY + ";query=up"), 400),
    "semicolon in the body": (post("query=hpc_job_cpus;query=up"), 400),
    "no equals sign": (get(QUERY + "&time"), 400),
    "broken escape": (get("/api/v1/query?query=a%zz"), 400),
    "cut escape": (get("/api/v1/query?query=a%4"), 400),
    "not UTF-8": (get("/api/v1/query?query=%ff"), 400),
    "overlong UTF-8": (get("/api/v1/query?query=%c0%a7"), 400),
    "surrogate": (get("/api/v1/query?query=%ed%a0%80"), 400),
    "raw bytes in the body": (post(b"query=hpc\xff"), 400),
    "NUL in the query": (get("/api/v1/query?query=hpc_job_cpus%00"), 400),
    "NUL in a name": (get(QUERY + "&%00=1"), 400),
    "fragment": (get(QUERY + "#x"), 400),
    "no query": (get("/api/v1/query"), 400),
    "empty query": (get("/api/v1/query?query="), 400),
    "no method of that name": (get(QUERY).replace(b"GET", b"PUT", 1), 405),
    "DELETE": (get(QUERY).replace(b"GET", b"DELETE", 1), 405),
    "HEAD": (get(QUERY).replace(b"GET", b"HEAD", 1), 405),
    "OPTIONS": (get(QUERY).replace(b"GET", b"OPTIONS", 1), 405),
    "lower case method": (get(QUERY).replace(b"GET", b"get", 1), 405),
    "POST for values of a label": (post("", path="/api/v1/label/user/values"), 405),
    "GET with a body": (get(QUERY, WHO + "Content-Length: 8\r\n") + b"query=up", 400),
    "GET with a chunked body": (get(QUERY, WHO + "Transfer-Encoding: chunked\r\n") + b"0\r\n\r\n", 400),
    "JSON": (post('{"query":"up"}', "Content-Type: application/json\r\n"), 415),
    "multipart": (
        post(
            '--x\r\nContent-Disposition: form-data; name="query"\r\n\r\nup\r\n--x--\r\n',
            "Content-Type: multipart/form-data; boundary=x\r\n",
        ),
        415,
    ),
    "other charset": (
        post("query=up", "Content-Type: application/x-www-form-urlencoded; charset=utf-7\r\n"),
        415,
    ),
    "no content type": (post("query=up", ""), 415),
    "two content types": (post("query=up", FORM + "Content-Type: application/json\r\n"), 415),
    "gzip": (post(gzip.compress(b"query=up"), FORM + "Content-Encoding: gzip\r\n"), 415),
    "broken gzip": (post(b"query=up", FORM + "Content-Encoding: gzip\r\n"), 415),
    "identity as an encoding": (post("query=up", FORM + "Content-Encoding: identity\r\n"), 415),
    "length and chunks": (
        chunked("query=up").replace(b"Transfer", b"Content-Length: 8\r\nTransfer", 1),
        400,
    ),
    "two lengths": (post("query=up", FORM + "Content-Length: 4\r\n"), 400),
    "negative length": (post("query=up", length=-1), 400),
    "odd length": (post("query=up").replace(b"Content-Length: 8", b"Content-Length: +8"), 400),
    "broken chunk": (chunked("query=up").replace(b"8\r\nquery", b"zz\r\nquery"), 400),
    "unknown transfer encoding": (
        chunked("query=up").replace(b"chunked", b"chunked, identity"),
        400,
    ),
    "folded header": (get(QUERY, WHO.replace("alice", "alice\r\n bob")), 400),
    "blank before the colon": (get(QUERY, WHO.replace("X-Grafana-User:", "X-Grafana-User :")), 400),
    "NUL in a header": (get(QUERY, WHO.replace("alice", "al\0ice")), 400),
    "bare CR in a header": (get(QUERY, WHO.replace("alice", "alice\rX-Grafana-User: bob")), 400),
    "body over the limit": (post("query=" + "a" * 400_000), 413),
    "body that never comes": (post("query=hpc", length=100), 408),
    "query over the limit": (post("query=" + "a+" * 40_000 + "a"), 400),
    "URL over the limit": (get("/api/v1/query?query=" + "a" * 300_000), 400),
    "header over the limit": (get(QUERY, WHO + "X: " + "a" * 40_000 + "\r\n"), 400),
    "too many headers": (get(QUERY, WHO + "X: 1\r\n" * 10_000), 400),
    "not HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "HTTP/0.9": (b"GET /api/v1/query?query=up\r\n\r\n", 400),
    "identity twice": (get(QUERY, WHO + "X-Grafana-User: bob\r\n"), 401),
    "identity twice in other case": (get(QUERY, WHO + "x-grafana-user: alice\r\n"), 401),
    "channel twice": (get(QUERY, WHO + f"X-Jobgauge-Channel: {SECRET}\r\n"), 401),
    "empty identity": (get(QUERY, WHO.replace("alice", "")), 401),
    "blank identity": (get(QUERY, WHO.replace("alice", " \t ")), 401),
    "no identity": (get(QUERY, WHO.replace("X-Grafana-User: alice\r\n", "")), 401),
    "underscores": (get(QUERY, WHO.replace("X-Grafana-User", "X_Grafana_User")), 401),
    "no channel": (get(QUERY, "Host: gateway\r\nX-Grafana-User: alice\r\n"), 401),
    "wrong channel": (get(QUERY, WHO.replace(SECRET, SECRET[:-1])), 401),
    "empty channel": (get(QUERY, WHO.replace(SECRET, "")), 401),
    "odd login": (get(QUERY, WHO.replace("alice", "alice|bob")), 403),
    "login of digits": (get(QUERY, WHO.replace("alice", "1000")), 403),
    "e-mail as login": (get(QUERY, WHO.replace("alice", "alice@example.org")), 403),
    "login outside ASCII": (get(QUERY, WHO.replace("alice", "al\u00efce")), 403),
    "start after end": (get("/api/v1/query_range?query=a&start=2&end=1&step=1"), 400),
    "too many points": (get("/api/v1/query_range?query=a&start=0&end=11001&step=1"), 400),
    "too long a range": (get("/api/v1/query_range?query=a&start=0&end=1000000000&step=1000000"), 400),
    "step of zero": (get("/api/v1/query_range?query=a&start=0&end=1&step=0"), 400),
    "step that is no number": (get("/api/v1/query_range?query=a&start=0&end=1&step=NaN"), 400),
    "infinite end": (get("/api/v1/query_range?query=a&start=0&end=Inf&step=1"), 400),
    "no step": (get("/api/v1/query_range?query=a&start=0&end=1"), 400),
    "time that is none": (get(QUERY + "&time=now"), 400),
    "time far away": (get(QUERY + "&time=1e300"), 400),
    "limit that is none": (get("/api/v1/labels?limit=1%20or"), 400),
    "match[] that is a query": (get("/api/v1/series?match[]=sum(hpc_job_cpus)"), 400),
    "match[] of the store's own label": (
        get('/api/v1/series?match[]={__graphite__="x"}'.replace('"', "%22")),
        403,
    ),
    "too many match[]": (get("/api/v1/series?" + "&".join(["match[]=a"] * 201)), 400),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_request_that_is_not_plain_is_refused(gateway: Gateway, store: Store, name: str) -> None:
    text, status = REFUSED[name]
    with gateway.connect() as sock:
        sock.sendall(text)
        answer = read_answer(sock, "HEAD" if name == "HEAD" else "GET")
    assert answer.status == status, answer.body
    assert store.asked == []
    assert answer.headers["server"] == "jobgauge-gateway"
    if name != "HEAD":
        assert json.loads(answer.body)["error"]


@pytest.mark.parametrize(
    "text",
    [
        get(QUERY),
        get(QUERY.replace("hpc_job_cpus", "hpc%5Fjob_cpus")),
        get("/api/v1/query?query=+hpc_job_cpus%20"),
        get(QUERY + "&time="),
        post("query=hpc_job_cpus"),
        post("query=hpc_job_cpus", "Content-Type: APPLICATION/x-www-form-urlencoded; charset=UTF-8\r\n"),
        post("", path=QUERY),
        post("query=hpc_job_cpus", path="/api/v1/query?timeout=1m"),
        chunked("query=hpc_job_cpus"),
        get(
            QUERY,
            WHO
            + "X-Forwarded-User: bob\r\nX-Scope-OrgID: other\r\nCookie: a=b\r\nAuthorization: Basic eDp5\r\n",
        ),
    ],
)
def test_a_plain_request_is_made_anew(gateway: Gateway, store: Store, text: bytes) -> None:
    answer = gateway.raw(text)
    assert (answer.status, answer.body) == (200, EMPTY)
    method, path, headers, _ = store.asked[-1]
    assert (method, path) == ("POST", "/api/v1/query")
    assert store.form["query"] == [MINE]
    assert set(headers) == {"Host", "Accept-Encoding", "Content-Length", "Content-Type"}
    assert set(answer.headers) == {"content-type", "content-length", "cache-control", "date", "server"}
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["server"] == "jobgauge-gateway"


def test_a_second_request_smuggled_into_a_body_is_only_a_body(gateway: Gateway, store: Store) -> None:
    inner = get("/api/v1/query?query=up", WHO.replace("alice", "bob")).decode()
    answer = gateway.raw(post("query=" + urllib.parse.quote(inner)))
    assert answer.status == 400
    with gateway.connect() as sock:
        sock.sendall(post(inner))
        assert read_answer(sock).status == 400
    assert store.asked == []


def test_pipelined_requests_are_each_judged_by_their_own_identity(gateway: Gateway, store: Store) -> None:
    with gateway.connect() as sock:
        sock.sendall(
            get(QUERY)
            + get(QUERY, WHO.replace("alice", "bob"))
            + get(QUERY, "Host: g\r\nConnection: close\r\n")
        )
        assert re.findall(rb"HTTP/1.1 ([0-9]+)", until_closed(sock)) == [b"200", b"200", b"401"]
    sent = [urllib.parse.parse_qs(body.decode())["query"] for *_, body in store.asked]
    assert sent == [[MINE], [MINE.replace("alice", "bob")]]


def test_the_refusal_of_a_head_request_has_no_body_that_could_be_taken_for_the_next_answer(
    gateway: Gateway, store: Store
) -> None:
    with gateway.connect() as sock:
        sock.sendall(get(QUERY).replace(b"GET", b"HEAD", 1) + get(QUERY, WHO + "Connection: close\r\n"))
        said = until_closed(sock)
    first, _, second = said.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 405 ")
    assert second.startswith(b"HTTP/1.1 200 ")


def test_the_gateway_lives_on_after_clients_that_say_half_and_go(gateway: Gateway, store: Store) -> None:
    for text in (
        b"",
        b"G",
        b"GET /api",
        get(QUERY)[:-2],
        post("query=hpc_job_cpus")[:-3],
        chunked("query=up")[:-9],
    ):
        with gateway.connect() as sock:
            sock.sendall(text)
            sock.shutdown(socket.SHUT_WR)
    assert gateway.raw(get(QUERY)).status == 200
