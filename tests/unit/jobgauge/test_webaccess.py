"""TLS, client certificates, users and reloads over real connections."""

from __future__ import annotations

import base64
import http.client
import os
import re
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import bcrypt
import pytest

from jobgauge import webaccess
from jobgauge.errors import ConfigError
from jobgauge.server import Limits, Response, Server
from jobgauge.webaccess import Access
from tests.support.certificates import Authority, Certificate
from tests.support.web import Dial, Serve, Site, echo

REFUSED = (OSError, http.client.HTTPException)  # TLS 1.3 tells a client only when it reads the answer


TLS = "tls_server_config:\n  cert_file: node.crt\n  key_file: node.key\n"
MUTUAL = TLS + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: test CA.pem\n"


def trusting(authority: Authority, certificate: Certificate | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.path))
    if certificate:
        context.load_cert_chain(certificate.cert, certificate.key)
    return context


@contextmanager
def https(server: Server, context: ssl.SSLContext) -> Iterator[http.client.HTTPSConnection]:
    port = int(server.addresses[0].rpartition(":")[2])
    with closing(http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)) as client:
        yield client


def ask(client: http.client.HTTPConnection, **headers: str) -> http.client.HTTPResponse:
    client.request("GET", "/metrics", headers=headers)
    response = client.getresponse()
    response.read()
    return response


def serial(client: http.client.HTTPSConnection) -> str:
    assert isinstance(client.sock, ssl.SSLSocket)
    certificate = client.sock.getpeercert()
    assert certificate
    return str(certificate["serialNumber"])


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def users(**passwords: str) -> str:
    hashes = {user: bcrypt.hashpw(p.encode(), bcrypt.gensalt(4)).decode() for user, p in passwords.items()}
    return "basic_auth_users:\n" + "".join(f"  {user}: {hashed}\n" for user, hashed in hashes.items())


def test_https_with_curl(serve: Serve, site: Site, authority: Authority) -> None:
    authority.issue("node", ["127.0.0.1"])
    headers = "http_server_config:\n  headers:\n    X-Frame-Options: deny\n"
    server = serve(echo, web=site.write(TLS + headers))
    url = f"https://{server.addresses[0]}"
    command = [
        "curl",
        "-sS",
        "-i",
        "--cacert",
        authority.path,
        f"{url}/a",
        "-H",
        "Connection: close",
        f"{url}/b",
    ]
    got = subprocess.run(command, capture_output=True, check=True, timeout=20).stdout
    assert got.startswith(b"HTTP/1.1 200 OK\r\n")
    assert got.count(b"\r\nX-Frame-Options: deny\r\n") == 2
    assert b"/a {}" in got
    assert got.endswith(b"/b {}")


def test_a_big_page_over_tls(serve: Serve, site: Site, authority: Authority) -> None:
    page = bytes(range(256)) * 4000
    authority.issue("node", ["127.0.0.1"])
    server = serve(lambda _: Response(200, page), web=site.write(TLS))
    with https(server, trusting(authority)) as client:
        for _ in range(2):
            client.request("GET", "/")
            assert client.getresponse().read() == page


def test_http_on_an_https_port_is_told(serve: Serve, site: Site, authority: Authority) -> None:
    authority.issue("node", ["127.0.0.1"])
    server = serve(web=site.write(TLS))
    got = subprocess.run(
        ["curl", "-sS", f"http://{server.addresses[0]}/"], capture_output=True, check=True, timeout=20
    )
    assert got.stdout == b"this server speaks HTTPS only\n"


def test_clients_that_do_not_finish_the_handshake_make_room(
    serve: Serve, site: Site, authority: Authority, dial: Dial
) -> None:
    authority.issue("node", ["127.0.0.1"])
    server = serve(web=site.write(TLS), limits=Limits(connections=4, header_seconds=60))
    silent = [dial(server) for _ in range(6)]
    silent[-1].sendall(b"\x16\x03\x01\x02\x00\x01")
    with https(server, trusting(authority)) as client:
        assert ask(client).status == 200
    assert len(b"".join(iter(lambda: silent[0].recv(100), b""))) < 10  # nothing but an alert, then the end


def test_a_handshake_has_its_time(serve: Serve, site: Site, authority: Authority, dial: Dial) -> None:
    authority.issue("node", ["127.0.0.1"])
    server = serve(web=site.write(TLS), limits=Limits(header_seconds=0.1))
    assert dial(server).recv(1) == b""


def test_versions_and_ciphers(serve: Serve, site: Site, authority: Authority) -> None:
    authority.issue("node", ["127.0.0.1"])
    name = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
    server = serve(web=site.write(TLS + f"  max_version: TLS12\n  cipher_suites: [{name}]\n"))
    with https(server, trusting(authority)) as client:
        assert ask(client).status == 200
        assert client.sock.cipher()[:2] == ("ECDHE-ECDSA-AES128-GCM-SHA256", "TLSv1.2")
    modern = trusting(authority)
    modern.minimum_version = ssl.TLSVersion.TLSv1_3
    with https(server, modern) as client, pytest.raises(ssl.SSLError):
        ask(client)


def test_client_certificates(
    serve: Serve, site: Site, authority: Authority, other_authority: Authority
) -> None:
    authority.issue("node", ["127.0.0.1"])
    server = serve(web=site.write(MUTUAL))
    good = authority.issue("prometheus", ["prometheus.example.org"])
    with https(server, trusting(authority, good)) as client:
        assert ask(client).status == 200
    foreign = other_authority.issue("foreign", ["prometheus.example.org"])
    for certificate in (None, foreign):
        with (
            https(server, trusting(authority, certificate)) as client,
            pytest.raises(REFUSED),
        ):
            ask(client)


def test_names_in_client_certificates(serve: Serve, site: Site, authority: Authority) -> None:
    authority.issue("node", ["127.0.0.1"])
    server = serve(web=site.write(MUTUAL + "  client_allowed_sans: [prometheus.example.org, 2001:db8::7]\n"))
    for number, (names, status) in enumerate(
        [
            (["prometheus.example.org"], 200),
            (["other.example.org", "prometheus.example.org"], 200),
            (["2001:db8::7"], 200),
            (["other.example.org"], 403),
            (["2001:db8::8"], 403),
            ([], 403),
        ]
    ):
        certificate = authority.issue(f"client{number}", names)
        with https(server, trusting(authority, certificate)) as client:
            assert ask(client).status == status


def test_certificates_may_be_optional(
    serve: Serve, site: Site, authority: Authority, other_authority: Authority
) -> None:
    authority.issue("node", ["127.0.0.1"])
    text = MUTUAL.replace("RequireAndVerifyClientCert", "VerifyClientCertIfGiven")
    server = serve(web=site.write(text + "  client_allowed_sans: [a.example.org]\n"))
    with https(server, trusting(authority)) as client:
        assert ask(client).status == 200
    with https(server, trusting(authority, authority.issue("b", ["b.example.org"]))) as client:
        assert ask(client).status == 403
    foreign = other_authority.issue("foreign", ["a.example.org"])
    with (
        https(server, trusting(authority, foreign)) as client,
        pytest.raises(REFUSED),
    ):
        ask(client)


def test_users(serve: Serve, site: Site) -> None:
    server = serve(web=site.write(users(alice="right")))
    url = f"http://{server.addresses[0]}/"
    command = ["curl", "-sS", "-o", os.devnull, "-w", "%{http_code} ", url]
    got = subprocess.run(
        [*command, "-u", "alice:right", "--next", *command[1:], "-u", "alice:wrong", "--next", *command[1:]],
        capture_output=True,
        check=True,
        timeout=20,
    )
    assert got.stdout == b"200 401 401 "


def test_a_refused_user_may_ask_again_on_the_connection(serve: Serve, site: Site) -> None:
    server = serve(web=site.write(users(alice="right")))
    with closing(http.client.HTTPConnection(server.addresses[0], timeout=10)) as client:
        refused = ask(client)
        assert refused.status == 401
        assert refused.getheader("WWW-Authenticate") == 'Basic realm="jobgauge"'
        sock = client.sock
        assert ask(client, Authorization=basic("alice", "right")).status == 200
        assert client.sock is sock


def test_users_are_read_again_under_keep_alive(
    serve: Serve, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "jobgauge.webaccess")
    server = serve(web=site.write(users(alice="first")))
    with closing(http.client.HTTPConnection(server.addresses[0], timeout=10)) as client:
        assert ask(client, Authorization=basic("alice", "first")).status == 200
        site.write(users(alice="second"))
        assert ask(client, Authorization=basic("alice", "first")).status == 401
        assert ask(client, Authorization=basic("alice", "second")).status == 200
    assert [record.message for record in caplog.records] == [
        f"{site.path} and the files that it names are read again"
    ]


def test_proven_passwords_survive_a_change_of_something_else(site: Site) -> None:
    text = users(alice="right")
    access = Access(site.write(text))
    before = access.now()
    site.write(text + "http_server_config: {headers: {X-Frame-Options: deny}}\n")
    after = access.now()
    assert after.config.headers
    assert after.auth is before.auth


def test_a_certificate_is_read_again(serve: Serve, site: Site, authority: Authority) -> None:
    old = authority.issue("node", ["127.0.0.1"])
    server = serve(web=site.write(TLS))
    with https(server, trusting(authority)) as client:
        assert ask(client).getheader("Connection") == "keep-alive"
        first = serial(client)
        new = authority.issue("node", ["127.0.0.1"])
        site.touch(new.cert, new.key)
        assert old == new
        # The connection gets its answer, and the client comes again for the next, under the new certificate.
        assert ask(client).getheader("Connection") == "close"
        client.connect()
        assert ask(client).status == 200
        assert int(serial(client), 16) == int(first, 16) + 1


def test_a_client_authority_is_read_again(
    serve: Serve, site: Site, authority: Authority, other_authority: Authority
) -> None:
    authority.issue("node", ["127.0.0.1"])
    server = serve(web=site.write(MUTUAL))
    newcomer = other_authority.issue("newcomer", [])
    with (
        https(server, trusting(authority, newcomer)) as client,
        pytest.raises(REFUSED),
    ):
        ask(client)
    both = authority.path.read_bytes() + other_authority.path.read_bytes()
    certificates = trusting(authority, newcomer)
    authority.path.write_bytes(both)
    site.touch(authority.path)
    with https(server, certificates) as client:
        assert ask(client).status == 200


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (
            lambda folder: (folder / "web.yml").write_text("tls_server_konfig: {}"),
            "tls_server_konfig: is not known",
        ),
        (lambda folder: (folder / "web.yml").unlink(), "web.yml: No such file or directory"),
        (lambda folder: (folder / "node.crt").write_text("no certificate"), "node.crt, .*node.key: .*PEM"),
        (lambda folder: (folder / "node.key").unlink(), "node.key: No such file or directory"),
        (lambda folder: os.truncate(folder / "node.key", 100), "node.key: "),
    ],
)
def test_a_broken_change_keeps_what_was_before(
    site: Site,
    authority: Authority,
    caplog: pytest.LogCaptureFixture,
    break_it: Callable[[Path], object],
    words: str,
) -> None:
    made = authority.issue("node", ["127.0.0.1"])
    access = Access(site.write(TLS))
    before = access.now()
    break_it(site.path.parent)
    assert [access.now() for _ in range(3)] == [before] * 3
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.message.startswith(f"the web configuration from before stays in force: {site.path.parent}/")
    assert re.search(words, record.message)
    authority.issue("node", ["127.0.0.1"])
    site.touch(made.cert, made.key)
    site.write(TLS)
    assert access.now() is not before
    assert len(caplog.records) == 1


def test_a_key_that_comes_after_its_certificate(site: Site, authority: Authority) -> None:
    made = authority.issue("node", ["127.0.0.1"])
    access = Access(site.write(TLS))
    before = access.now()
    key = made.key.read_bytes()
    authority.issue("node", ["127.0.0.1"])
    new_key = made.key.read_bytes()
    made.key.write_bytes(key)
    site.touch(made.cert, made.key)
    assert access.now() is before
    made.key.write_bytes(new_key)
    site.touch(made.key)
    assert access.now().context is not before.context


def test_files_are_looked_at_once_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(webaccess.time, "monotonic", lambda: now[0])
    path = tmp_path / "web.yml"
    path.write_text("")
    access = Access(str(path))
    path.write_text("http_server_config: {headers: {X-Frame-Options: deny}}")
    now[0] = 100.9
    assert not access.now().config.headers
    now[0] = 101.1
    assert access.now().config.headers


def test_without_a_file_nothing_is_imported_or_read() -> None:
    code = (
        "import sys; from jobgauge.server import Response, Server; Server([':0'], lambda r: Response(200, b''));"
        "print([m for m in ('ssl', 'yaml', 'bcrypt', 'hashlib', 'http.server', 'email', 'asyncio') if m in sys.modules])"
    )
    got = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True, timeout=20)
    assert got.stdout == "[]\n"


def encrypted(authority: Authority) -> None:
    authority.issue("node", ["127.0.0.1"], password=b"secret")


def mismatched(authority: Authority) -> None:
    authority.issue("node", ["127.0.0.1"]).cert.replace(authority.folder / "old.crt")
    authority.issue("node", ["127.0.0.1"])
    (authority.folder / "old.crt").replace(authority.folder / "node.crt")


def no_authority(authority: Authority) -> None:
    authority.issue("node", ["127.0.0.1"])
    authority.path.write_text("nothing")


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda _: None, r"node\.crt: No such file or directory"),
        (encrypted, r"node\.key: the key is encrypted"),
        (mismatched, r"node\.crt, .*node\.key: KEY_VALUES_MISMATCH"),
        (no_authority, r"test CA\.pem: NO_CERTIFICATE_OR_CRL_FOUND"),
    ],
)
def test_a_broken_configuration_at_the_start(
    site: Site, authority: Authority, prepare: Callable[[Authority], None], words: str
) -> None:
    prepare(authority)
    with pytest.raises(ConfigError, match=words):
        Server([], lambda _: None, site.write(MUTUAL))  # type: ignore[arg-type, return-value]
