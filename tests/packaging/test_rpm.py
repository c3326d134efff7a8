"""The RPMs, built by the real rpmbuild, looked into, and installed, run, upgraded and erased by the real rpm."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.rpm_root import PYTHON, Root
from tests.support.node_tree import NodeTree
from tests.support.scrape import jobs_only, parse

ROOT = Path(__file__).parents[2]
SERVICES = {
    "job-exporter": "jobgauge-job",
    "scheduler-exporter": "jobgauge-sched",
    "gateway": "jobgauge-gateway",
    "view": "jobgauge-view",
    "mail": "jobgauge-mail",
}
COMMANDS = {*SERVICES, "rules", "dashboards"}

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]  # a fixture builds all packages


def build(source: Path, out: Path, umask: int = 0o022, **environment: str) -> Path:
    done = subprocess.run(
        [source / "packaging/rpm/build.sh", sys.executable, out],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "SOURCE_DATE_EPOCH": "1700000000", **environment},
        umask=umask,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out


def packages(out: Path) -> dict[str, Path]:
    return {
        re.sub(r"-[0-9].*", "", path.name).removeprefix("jobgauge-"): path
        for path in out.glob("RPMS/*/*.rpm")
    }


def query(package: Path, *what: str) -> list[str]:
    done = subprocess.run(["rpm", "-qp", *what, package], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def target(snapshot: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make rpm` builds, for the Python of EL."""
    return build(snapshot, tmp_path_factory.mktemp("target"))


@pytest.fixture(scope="module")
def here(snapshot: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for this machine's Python, so that it can be run."""
    return build(snapshot, tmp_path_factory.mktemp("here"), TARGET_PYTHON=PYTHON)


@pytest.fixture(scope="module")
def newer(snapshot: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The next version, in which the example configuration is another one."""
    source = shutil.copytree(snapshot, tmp_path_factory.mktemp("newer-checkout") / "checkout")
    for file in (source / "pyproject.toml", source / "exporters/jobgauge/__init__.py"):
        text, count = re.subn(r'(?m)^((?:__)?version(?:__)? = )".*"$', r'\1"999.0.0"', file.read_text())
        assert count == 1
        file.write_text(text)
    with (source / "job_exporter/config.example.yaml").open("a") as file:
        file.write("# and something new\n")
    return build(source, tmp_path_factory.mktemp("newer"), TARGET_PYTHON=PYTHON)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path / "root")


def test_two_builds_are_the_same(snapshot: Path, target: Path, tmp_path: Path) -> None:
    elsewhere = shutil.copytree(snapshot, tmp_path / "elsewhere")
    again = build(elsewhere, tmp_path / "out", umask=0o077, TZ="Asia/Tokyo", LC_ALL="C.UTF-8")
    first, second = (
        {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in packages(out).values()}
        for out in (target, again)
    )
    assert first == second


def test_one_package_each(target: Path) -> None:
    assert set(packages(target)) == {*COMMANDS, "jobgauge"}


def test_rpmlint_has_nothing_to_say(target: Path) -> None:
    config = ROOT / "packaging/rpm/rpmlint.toml"
    done = subprocess.run(
        ["rpmlint", "--strict", "--config", config, *packages(target).values()],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert f"{len(packages(target))} packages and 0 specfiles checked; 0 errors, 0 warnings" in done.stdout


def test_nothing_reaches_the_systems_folders_but_what_must(target: Path) -> None:
    own = (
        "/usr/lib/jobgauge",
        "/usr/share/jobgauge",
        "/usr/share/doc/jobgauge",
        "/usr/share/licenses/jobgauge",
        "/etc/jobgauge",
    )
    listed = {line for package in packages(target).values() for line in query(package, "-l")}
    assert {line for line in listed if not line.startswith(own)} == {
        *(f"/usr/bin/jobgauge-{name}" for name in COMMANDS),
        *(f"/usr/lib/systemd/system/jobgauge-{name}.service" for name in SERVICES),
        *(f"/usr/lib/sysusers.d/jobgauge-{name}.conf" for name in SERVICES),
    }
    assert not [line for line in listed if line.endswith((".pyc", "__pycache__")) or "jobgauge_demo" in line]


def test_modules_lie_with_the_command_that_needs_them(target: Path) -> None:
    def modules(name: str) -> set[str]:
        found = (
            re.match(r"/usr/lib/jobgauge/[^/]+/([^/]+)", line) for line in query(packages(target)[name], "-l")
        )
        return {match[1] for match in found if match and not match[1].endswith(".dist-info")}

    assert modules("jobgauge") == {"jobgauge", "yaml", "_yaml", "bcrypt", "isal"}
    assert modules("job-exporter") == {"jobgauge_job", "pynvml.py"}
    assert modules("scheduler-exporter") == {"jobgauge_scheduler"}
    assert modules("dashboards") == {"jobgauge_dashboards", "grafanalib", "attr", "attrs"}
    assert {"jobgauge_view", "aiohttp", "plotly"} <= modules("view")
    assert modules("mail") == {"jobgauge_mail"}
    assert modules("rules") == set()


def test_every_file_is_roots_and_nobody_else_writes_it(target: Path) -> None:
    for package in packages(target).values():
        for line in query(
            package, "--qf", "[%{FILEMODES:perms} %{FILEUSERNAME} %{FILEGROUPNAME} %{FILENAMES}\n]"
        ):
            mode, user, group, name = line.split(maxsplit=3)
            assert (user, group) == ("root", "root")
            if name == "/usr/lib/jobgauge/common/jobgauge/_data/dashboards":
                assert mode == "lrwxrwxrwx"
                continue
            assert mode in ("drwxr-xr-x", "-rw-r--r--", "-rwxr-xr-x"), line
            assert (mode == "-rwxr-xr-x") == name.endswith(".sh") or ".so" in name or "/usr/bin/" in name, (
                line
            )


def test_what_they_require_is_in_el(target: Path) -> None:
    of_el_8 = re.compile(
        r"/bin/sh|/usr/bin/python3\.12|rpmlib\(.*|config\(.*|rtld\(GNU_HASH\)|jobgauge(-dashboards|-rules)? = .*|lib[\w+]+\.so.*|ld-.*"
    )
    for package in packages(target).values():
        required = {line.strip() for line in query(package, "--requires")}
        assert not [line for line in required if not of_el_8.fullmatch(line)]
        glibc = [
            tuple(map(int, version.split("."))) for version in re.findall(r"GLIBC_([0-9.]+)", str(required))
        ]
        assert max(glibc, default=(2, 0)) <= (2, 28)  # EL 8's
        assert not [line for line in query(package, "--provides") if ".so" in line]


def test_bundled_modules_are_declared(target: Path) -> None:
    pinned = dict(re.findall(r"(?m)^([\w-]+)==(\S+)", (ROOT / "requirements/core.txt").read_text()))
    provided = query(packages(target)["jobgauge"], "--provides")
    assert pinned
    for name, version in pinned.items():
        assert f"bundled(python3dist({name})) = {version}" in provided


def test_configuration_is_kept_at_an_upgrade(target: Path) -> None:
    for name in COMMANDS:
        package = packages(target)[name]
        flags = query(package, "--qf", "[%{FILEFLAGS:fflags} %{FILENAMES}\n]")
        inside = [line for line in flags if " /etc/" in line]
        assert inside
        assert all(line.startswith("cn ") for line in inside), inside  # c: configuration, n: noreplace


def test_life(here: Path, newer: Path, root: Root) -> None:
    """Install, scrape, edit, upgrade, erase."""
    before = root.files()
    root.rpm("-i", "--nodeps", *packages(here).values())
    assert sorted(root.systemctl_calls()) == sorted(
        line for name in SERVICES for line in (f"--no-reload preset jobgauge-{name}.service",)
    )
    users = (root.path / "etc/passwd").read_text()
    for user in SERVICES.values():
        entry = re.search(rf"(?m)^{user}:[^:]*:(\d+):.*:(.*)$", users)
        assert entry is not None
        assert (entry[1] != "0", entry[2]) == (True, "/usr/sbin/nologin")

    secrets = [root.path / "etc/jobgauge" / name for name in ("channel", "view-channel", "view-proxy")]
    for secret in secrets:  # which the operator makes, and the addresses
        secret.touch(0o600)
        secret.write_text("0123456789abcdef0123456789abcdef\n")
    addresses = root.path / "etc/jobgauge/addresses"
    addresses.write_text("alice: alice.smith@example.org\n")
    for name in COMMANDS:
        version = root.run(
            f"/usr/bin/jobgauge-{name}", "--version", PYTHONPATH="/nowhere", PYTHONHOME="/nowhere"
        )
        assert version.stdout.startswith(f"jobgauge-{name} "), version.stderr
        suffix = "yml" if name in ("rules", "gateway", "view", "mail") else "yaml"
        file = f"/etc/jobgauge/{name}.{suffix}"
        checked = root.run(f"/usr/bin/jobgauge-{name}", "--check-config", "--config.file", file)
        assert checked.returncode == 0, checked.stderr
    for made in (*secrets, addresses):
        made.unlink()

    edited = root.path / "etc/jobgauge/job-exporter.yaml"
    edited.write_text("cluster: mine\n")
    root.rpm("-U", "--nodeps", *packages(newer).values())
    assert edited.read_text() == "cluster: mine\n"
    assert "something new" in edited.with_name("job-exporter.yaml.rpmnew").read_text()
    assert not edited.with_name("scheduler-exporter.yaml.rpmnew").exists()
    assert {f"try-restart jobgauge-{name}.service" for name in SERVICES} <= set(root.systemctl_calls())
    assert not [line for line in root.systemctl_calls() if "disable" in line]
    assert root.run("/usr/bin/jobgauge-rules", "--version").stdout == "jobgauge-rules 999.0.0\n"

    root.erase_all()
    assert {f"--no-reload disable --now jobgauge-{name}.service" for name in SERVICES} <= set(
        root.systemctl_calls()
    )
    left = root.files()
    changed = {name.rstrip("-") for name in left.keys() | before.keys() if left.get(name) != before.get(name)}
    users = {
        "etc/passwd",
        "etc/group",
        "etc/shadow",
        "etc/gshadow",
        "etc/.pwd.lock",
    }  # nobody gets a user's number again
    assert changed - users == {
        "etc/jobgauge",
        "etc/jobgauge/job-exporter.yaml.rpmsave",
        "etc/jobgauge/job-exporter.yaml.rpmnew",
    }


def test_untouched_packages_leave_nothing(here: Path, root: Root) -> None:
    (root.path / "usr/bin/systemctl").unlink()  # as in a container or while an image is built
    (root.path / "usr/bin/systemd-sysusers").unlink()
    before = root.files()
    root.rpm("-i", "--nodeps", *packages(here).values())
    assert root.files() != before
    root.erase_all()
    assert root.files() == before


def test_a_scrape_with_what_the_prolog_wrote(here: Path, root: Root) -> None:
    root.rpm("-i", "--nodeps", packages(here)["jobgauge"], packages(here)["job-exporter"])
    node = NodeTree(root.path / "node")
    node.user("alice", 5001)
    job = node.job("101", 5001, 3)
    flags = [flag.replace(str(root.path), "") for flag in node.flags if "job-facts" not in flag]
    slurm = {
        "SLURM_JOB_ID": "101",
        "SLURM_JOB_ACCOUNT": "physics",
        "SLURM_JOB_PARTITION": "cpu",
        "SLURM_JOB_UID": "5001",
    }

    assert root.run("/usr/share/jobgauge/slurm/prolog.sh", **slurm).returncode == 0
    scrape = root.run("/usr/bin/jobgauge-job-exporter", "--once", *flags)
    assert scrape.returncode == 0, scrape.stderr
    assert jobs_only(parse(scrape.stdout)) == pytest.approx(job.expected("alice", "physics"))

    assert root.run("/usr/share/jobgauge/slurm/epilog.sh", **slurm).returncode == 0
    assert not list((root.path / "run/jobgauge/jobs").iterdir())


def test_what_the_operators_page_says_works(here: Path, root: Root) -> None:
    page = (ROOT / "docs/operators.md").read_text()
    section = page[page.index("## By RPM") : page.index("## By Helm")]
    commands = re.findall(r"(?m)^ +((?:jobgauge-\S+|ln -s) .*)$", section)
    assert len(commands) == 5
    root.rpm("-i", "--nodeps", *packages(here).values())
    for command in map(str.split, commands):
        if command[0] == "ln":
            assert (root.path / command[2].lstrip("/")).is_file(), command
        else:
            done = root.run(f"/usr/bin/{command[0]}", *command[1:])
            assert done.returncode == 0, done.stderr
    assert (root.path / "etc/prometheus/jobgauge/cpu.rules.yml").read_bytes() == (
        root.path / "usr/share/jobgauge/rules/cpu.rules.yml"
    ).read_bytes()
    for board in (root.path / "usr/share/jobgauge/dashboards").glob("*/*.json"):
        written = root.path / "var/lib/grafana/dashboards/jobgauge" / board.parent.name / board.name
        assert written.read_bytes() == board.read_bytes()
