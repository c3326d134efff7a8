"""The form of the web configuration: what is read, and what is refused with which words."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from jobgauge import webconfig
from jobgauge.errors import ConfigError
from jobgauge.webconfig import TlsConfig, WebConfig

HASH = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"
TLS = "tls_server_config:\n  cert_file: a.crt\n  key_file: a.key\n"


def load(folder: Path, text: str) -> WebConfig:
    path = folder / "web.yml"
    path.write_text(text)
    return webconfig.load(str(path))


def tls(folder: Path, text: str) -> TlsConfig:
    config = load(folder, TLS + text).tls
    assert config
    return config


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}", "tls_server_config:\nbasic_auth_users: {}\n"])
def test_nothing_is_plain_http_for_everybody(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text) == WebConfig()


def test_everything(tmp_path: Path) -> None:
    text = f"""
tls_server_config:
  cert_file: node.crt
  key_file: /etc/keys/node.key
  client_ca_file: ca/clients.pem
  client_auth_type: RequireAndVerifyClientCert
  client_allowed_sans: [prometheus.example.org, 192.0.2.7]
  min_version: TLS12
  max_version: TLS12
  cipher_suites:
    - TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
    - TLS_AES_128_GCM_SHA256
    - TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
  prefer_server_cipher_suites: false
http_server_config:
  http2: true
  headers:
    X-Frame-Options: deny
    X-XSS-Protection: ""
    Strict-Transport-Security: max-age=31536000; includeSubDomains
basic_auth_users:
  prometheus: {HASH}
  "1234": {HASH}
"""
    config = load(tmp_path, text)
    assert config.tls == TlsConfig(
        cert_file=f"{tmp_path}/node.crt",
        key_file="/etc/keys/node.key",
        client_ca_file=f"{tmp_path}/ca/clients.pem",
        client_auth="CERT_REQUIRED",
        client_allowed_sans=frozenset({"prometheus.example.org", "192.0.2.7"}),
        min_version="TLSv1_2",
        max_version="TLSv1_2",
        ciphers=("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"),
    )
    assert config.headers == (
        ("X-Frame-Options", "deny"),
        ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
    )
    assert config.users == (("prometheus", HASH), ("1234", HASH))
    assert config.files == (f"{tmp_path}/node.crt", "/etc/keys/node.key", f"{tmp_path}/ca/clients.pem")


def test_every_name_that_can_be_chosen_is_one_that_openssl_knows(tmp_path: Path) -> None:
    assert all(hasattr(ssl.TLSVersion, name) for name in webconfig._VERSIONS.values())
    assert all(hasattr(ssl.VerifyMode, name) for name in webconfig._CLIENT_AUTH.values())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for cipher in filter(None, webconfig._CIPHERS.values()):
        context.set_ciphers(cipher)
        assert cipher in [known["name"] for known in context.get_ciphers()]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tls_server_konfig: {}", "tls_server_konfig: is not known; did you mean 'tls_server_config'"),
        (TLS + "  cert_fil: x", "tls_server_config.cert_fil: is not known; did you mean 'cert_file'"),
        ("http_server_config: {headers: {X-Frame-Option: deny}}", "did you mean 'X-Frame-Options'"),
        (
            "http_server_config: {headers: {Set-Cookie: a}}",
            "http_server_config.headers.Set-Cookie: is not known",
        ),
        ("rate_limit: {interval: 1s}", "rate_limit: is not supported: --web.max-requests"),
        (TLS + "  curve_preferences: [X25519]", "curve_preferences: is not supported"),
        ("tls_server_config: {cert: PEM}", "tls_server_config.cert: is not supported: write it to a file"),
        ("tls_server_config: {key: PEM}", "name that in key_file"),
        ("tls_server_config: {client_ca: PEM}", "name that in client_ca_file"),
        ("tls_server_config: {key_file: a}", "tls_server_config.cert_file: is missing"),
        ("tls_server_config: {cert_file: a}", "tls_server_config.key_file: is missing"),
        ("tls_server_config: {min_version: TLS13}", "tls_server_config.cert_file: is missing"),
        ("tls_server_config: {cert_file: 1, key_file: a}", "cert_file: a text is expected"),
        (TLS + "  min_version: TLS10", "min_version: 'TLS10' is not supported; one of TLS12, TLS13"),
        (TLS + "  max_version: new", "max_version: 'new' is not supported; one of TLS12, TLS13 is expected"),
        (TLS + "  min_version: TLS13\n  max_version: TLS12", "min_version: is above max_version"),
        (
            TLS + "  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA25]",
            "did you mean 'TLS_ECDHE_RSA_WITH_AES_128",
        ),
        (TLS + "  cipher_suites: TLS_AES_128_GCM_SHA256", "cipher_suites: a list of texts is expected"),
        (TLS + "  prefer_server_cipher_suites: maybe", "prefer_server_cipher_suites: true or false"),
        (
            TLS + "  client_auth_type: RequireAndVerify",
            "one of NoClientCert, VerifyClientCertIfGiven, RequireAnd",
        ),
        (
            TLS + "  client_auth_type: RequireAnyClientCert",
            "nobody has signed: write RequireAndVerifyClientCert",
        ),
        (TLS + "  client_auth_type: RequestClientCert", "nobody has signed"),
        (TLS + "  client_auth_type: RequireAndVerifyClientCert", "client_auth_type: needs client_ca_file"),
        (TLS + "  client_auth_type: VerifyClientCertIfGiven", "client_auth_type: needs client_ca_file"),
        (TLS + "  client_ca_file: ca.pem", "client_ca_file: has no effect without client_auth_type"),
        (TLS + "  client_auth_type: NoClientCert\n  client_ca_file: ca.pem", "client_ca_file: has no effect"),
        (TLS + "  client_allowed_sans: [a]", "client_allowed_sans: has no effect without client_auth_type"),
        (TLS + "  client_allowed_sans: [1]", "client_allowed_sans: a list of texts is expected"),
        ("http_server_config: {http2: 1}", "http2: true or false is expected"),
        ("http_server_config: {headers: {X-Frame-Options: DENY}}", "one of deny, sameorigin is expected"),
        ("http_server_config: {headers: {X-Content-Type-Options: sniff}}", "one of nosniff is expected"),
        ('http_server_config: {headers: {X-XSS-Protection: "1\\r\\nX: y"}}', "only printable ASCII"),
        ("http_server_config: {headers: [a]}", "http_server_config.headers: a section with keys is expected"),
        ("basic_auth_users: {alice: secret}", "basic_auth_users.alice: a bcrypt hash is expected"),
        ("basic_auth_users: {alice: }", "basic_auth_users.alice: a bcrypt hash is expected"),
        (f"basic_auth_users: {{alice: {HASH.replace('$10$', '$03$')}}}", "a bcrypt hash is expected"),
        (f"basic_auth_users: {{alice: {HASH}x}}", "a bcrypt hash is expected"),
        (f"basic_auth_users: {{'a:b': {HASH}}}", "no colon"),
        (f"basic_auth_users: {{'': {HASH}}}", "at least one character"),
        (f"basic_auth_users: {{1234: {HASH}}}", "basic_auth_users.1234: a text is expected as key"),
        (f"basic_auth_users: {{alice: {HASH}, alice: {HASH}}}", "the key 'alice' stands twice"),
        (TLS + TLS, "the key 'tls_server_config' stands twice"),
        ("- a list", "settings are expected"),
        ("just text", "settings are expected"),
        ("a: [", "not valid YAML"),
        ("a: \x00", "not valid YAML"),
        ("a: 2026-99-99", "not valid YAML"),
        ("[" * 5000, "not valid YAML"),
        ("? [a]\n: b", "not valid YAML|text is expected"),
        ("!!python/object/apply:os.system [id]", "not valid YAML"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path}/web.yml: ")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^/none/web\.yml: No such file or directory$"):
        webconfig.load("/none/web.yml")
    with pytest.raises(ConfigError, match=f"^{tmp_path}: Is a directory$"):
        webconfig.load(str(tmp_path))


def test_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "web.yml"
    path.write_bytes(b"a: \xff\xfe\xfa")
    with pytest.raises(ConfigError, match="not valid YAML"):
        webconfig.load(str(path))


def test_messages_do_not_quote_secrets(tmp_path: Path) -> None:
    for broken in (
        "basic_auth_users: {alice: hunter2}",
        "basic_auth_users:\n  alice: hunter2\n bob: [hunter2",
    ):
        with pytest.raises(ConfigError) as caught:
            load(tmp_path, broken)
        assert "hunter2" not in str(caught.value)
