"""The command for LDAP that stands beside the program, against a real OpenLDAP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jobgauge.errors import SourceError
from jobgauge_mail.addresses import Addresses
from tests.support.slapd import SUFFIX, Slapd, slapd

pytestmark = pytest.mark.system
SCRIPT = Path(__file__).parents[3] / "exporters/jobgauge_mail/address-of-ldap.sh"
LDIF = f"""dn: {SUFFIX}
objectClass: organization
objectClass: dcObject
o: example
dc: example

""" + "".join(
    f"dn: uid={login},{SUFFIX}\nobjectClass: inetOrgPerson\nuid: {login}\ncn: {login}\nsn: x\n{lines}\n"
    for login, lines in {
        "alice": "mail: alice.smith@example.org\nmail: asmith@example.org\n",
        "bob": "",
        "carol": "mail:: Y8Okcm9sQGV4YW1wbGUub3Jn\n",  # not ASCII
    }.items()
)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with slapd(tmp_path_factory.mktemp("slapd"), LDIF, ["127.0.0.1"], "anonymous") as server:
        yield server


def test_addresses_from_a_directory(
    directory: Slapd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # whose .ldaprc is read beside ldap.conf
    settings = tmp_path / ".ldaprc"
    settings.write_text(
        f"URI ldaps://127.0.0.1:{directory.tls_port}\nBASE {SUFFIX}\nTLS_CACERT {directory.authority.path}\n"
    )
    addresses = Addresses("", (str(SCRIPT), "{user}"))
    found = {
        login: addresses.find(login) for login in ("alice", "bob", "carol", "nobody", "*", "alice)(uid=*")
    }
    assert found == {**dict.fromkeys(found), "alice": "alice.smith@example.org"}
    settings.write_text("URI ldap://127.0.0.1:1\n")
    with pytest.raises(SourceError, match="status"):
        addresses.find("alice")
