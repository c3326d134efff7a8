"""jobgauge-rules: what it writes, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from jobgauge import data, rules
from jobgauge.errors import ConfigError, SourceError
from jobgauge.rules import files, settings


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of rules of our own, so that the real ones may change."""
    folder = tmp_path / "sources"
    (folder / "compat").mkdir(parents=True)
    settings = {
        "scrape-interval": ("30s", "duration"),
        "grafana-url": ("http://localhost:3000", "url"),
        "exempt.user": ("", "regex"),
        "exempt.account": ("", "regex"),
        "exempt.name": ("", "regex"),
        "job.low": ("0.25", "ratio"),
        "job.share": ("0.5", "share"),
        "job.cpus": ("4", "number"),
    }
    described = {name: {"default": d, "kind": kind, "about": name} for name, (d, kind) in settings.items()}
    (folder / "settings.yml").write_text(yaml.safe_dump(described))
    write_rules(folder / "a.rules.yml", {"record": "a:b:c", "expr": "rate(x[@{window}])\n# why\n"})
    write_rules(
        folder / "a.alerts.yml",
        {
            "alert": "Low",
            "expr": "x{@{exempt}} < @{job.low} and y > @{job.cpus}",
            "annotations": {"s": "{{ $value }} @{job.low.percent} @{job.share.percent}"},
        },
        {
            "alert": "Other",
            "expr": "x > @{scrape-interval.seconds} @{unless-exempt}",
            "annotations": {"s": "@{job-board}"},
        },
    )
    write_rules(folder / "compat/peer.rules.yml", {"record": "p:q:r", "expr": "x"})
    monkeypatch.setattr("jobgauge.data.folder", lambda _: folder)
    return folder


def write_rules(path: Path, *group: dict[str, object]) -> None:
    path.write_text(
        yaml.safe_dump(
            {"groups": [{"name": path.name, "interval": "@{scrape-interval}", "rules": list(group)}]}
        )
    )


def run(out: Path, *argv: str) -> dict[str, dict[str, object]]:
    """Run the command; return the rules by file and name."""
    assert rules.main(["--out", str(out), *argv]) == 0
    pages = {path.name: yaml.safe_load(path.read_text()) for path in out.glob("*.yml")}
    return {
        file: {
            rule.get("record") or rule["alert"]: rule for group in page["groups"] for rule in group["rules"]
        }
        for file, page in pages.items()
    }


def refusal(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert rules.main(list(argv)) == 2
    return capsys.readouterr().err


def test_the_defaults(root: Path, tmp_path: Path) -> None:
    pages = run(tmp_path / "out")
    assert pages["a.rules.yml"]["a:b:c"]["expr"] == "rate(x[300s])\n# why\n"
    assert pages["a.alerts.yml"]["Low"]["expr"] == "x{} < 0.25 and y > 4"
    assert pages["a.alerts.yml"]["Low"]["annotations"]["s"] == "{{ $value }} 25 % 50 %"
    assert pages["a.alerts.yml"]["Other"]["expr"] == "x > 30 "
    assert pages["a.alerts.yml"]["Other"]["annotations"]["s"].startswith(
        "http://localhost:3000/d/jobgauge-job?var-cluster={{"
    )
    assert set(pages) == {"a.rules.yml", "a.alerts.yml"}


def test_a_site_file_and_a_flag(root: Path, tmp_path: Path) -> None:
    site = tmp_path / "site.yml"
    site.write_text("scrape-interval: 100s\njob: {low: 0.5, cpus: 8}\nexempt.user: 'svc-.*|a\"b\\.c'\n")
    pages = run(tmp_path / "out", f"--config.file={site}", "--job.cpus=2")
    assert pages["a.rules.yml"]["a:b:c"]["expr"].startswith("rate(x[400s])")
    assert pages["a.alerts.yml"]["Low"]["expr"] == r'x{user!~"svc-.*|a\"b\\.c"} < 0.5 and y > 2'
    header = (tmp_path / "out/a.alerts.yml").read_text().split("groups:")[0]
    assert "#   scrape-interval: 100s\n" in header
    assert "#   job.cpus: 2\n" in header
    assert "grafana-url" not in header


def test_the_same_settings_write_the_same_bytes(root: Path, tmp_path: Path) -> None:
    run(tmp_path / "one")
    run(tmp_path / "two")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_alerts_that_are_off_and_compat_files_that_are_on(root: Path, tmp_path: Path) -> None:
    pages = run(tmp_path / "out", "--alerts.off=Other", "--compat=peer")
    assert set(pages["a.alerts.yml"]) == {"Low"}
    assert set(pages["peer.rules.yml"]) == {"p:q:r"}


def test_a_group_without_rules_is_left_out(root: Path, tmp_path: Path) -> None:
    run(tmp_path / "out", "--alerts.off=Other", "--alerts.off=Low")
    assert yaml.safe_load((tmp_path / "out/a.alerts.yml").read_text()) == {"groups": []}


def test_files_of_an_earlier_run_go_and_others_stay(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(out, "--compat=peer")
    (out / "site.yml").write_text("groups: []\n")
    run(out)
    assert {path.name for path in out.iterdir()} == {"a.rules.yml", "a.alerts.yml", "site.yml"}


@pytest.mark.parametrize(
    ("flag", "says"),
    [
        ("--job.low=1.5", "not a ratio"),
        ("--job.low=25%", "not a number"),
        ("--job.low=nan", "not a number"),
        ("--job.share=0", "not a share: write a number between 0 and 1, neither of them"),
        ("--job.share=1", "not a share"),
        ("--job.share=half", "not a number"),
        ("--job.cpus=-1", "not a number"),
        ("--job.cpus=4) or vector(1", "not a number"),
        ("--scrape-interval=30", "not a duration"),
        ("--scrape-interval=1.5m", "not a duration that Prometheus takes"),
        ("--scrape-interval=0s", "not a duration"),
        ("--scrape-interval=5m", "more than 120s"),
        ('--grafana-url=http://x/"}} {{', "not an address"),
        ("--grafana-url=grafana.example.org", "not an address"),
        ("--exempt.user=svc-(", "not a regular expression"),
        ("--exempt.user=(?!root).*", "not a regular expression that Prometheus takes: it has no (?!"),
        (r"--exempt.user=(a|b)\1", r"not a regular expression that Prometheus takes: it has no \1"),
        ("--alerts.off=Lower", "did you mean 'Low'?"),
        ("--compat=pear", "did you mean 'peer'? (there are: peer)"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_name_and_nothing_is_written(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str, says: str
) -> None:
    message = refusal(capsys, "--out", str(tmp_path / "out"), flag)
    assert says in message
    assert flag.partition("=")[0].strip("-") in message
    assert not (tmp_path / "out").exists()


def test_an_unknown_key_is_refused_with_the_nearest(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = tmp_path / "site.yml"
    site.write_text("job: {lo: 0.5}\n")
    message = refusal(capsys, "--out", str(tmp_path), f"--config.file={site}")
    assert str(site) in message
    assert "'job.lo'; did you mean 'job.low'?" in message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("job:\n  cpus: 4\n  low: 2\n", "line 3: job.low: '2' is not a ratio: write a number from 0 to 1"),
        ("# ours\nalerts.off: [Lowe]\n", "line 2: alerts.off: there is no alert 'Lowe'; did you mean 'Low'?"),
        ("exempt: {user: 'a('}\n", "line 1: exempt.user: 'a(' is not a regular expression"),
        ("job.lo: 1\n", "line 1: unknown key 'job.lo'; did you mean 'job.low'?"),
        ("job.low: 0.1\njob.low: 0.2\n", "the key 'job.low' stands twice"),
    ],
)
def test_a_wrong_site_file_is_refused_with_the_line(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, says: str
) -> None:
    site = tmp_path / "site.yml"
    site.write_text(text)
    message = refusal(capsys, "--out", str(tmp_path / "out"), f"--config.file={site}")
    assert f"{site}, {says}" in message or (says.startswith("the key") and says in message)
    assert not (tmp_path / "out").exists()


def test_without_a_folder_it_says_what_to_write(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--out DIR" in refusal(capsys)


def test_check_config_writes_nothing(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert rules.main(["--out", str(tmp_path / "out"), "--check-config"]) == 0
    assert "configuration is good" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()
    refusal(capsys, "--check-config", "--job.low=2")


def test_a_folder_that_cannot_be_written_is_no_traceback(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert rules.main(["--out", str(tmp_path / "file" / "out")]) == 1
    assert str(tmp_path / "file") in capsys.readouterr().err


def test_an_unknown_placeholder_names_its_file(
    root: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write_rules(root / "new.rules.yml", {"record": "n:e:w", "expr": "x > @{job.lows}"})
    message = refusal(capsys, "--out", str(tmp_path / "out"))
    assert "new.rules.yml: unknown placeholder @{job.lows}; did you mean 'job.low'?" in message


def test_a_new_file_needs_no_registration(root: Path, tmp_path: Path) -> None:
    write_rules(root / "new.rules.yml", {"record": "n:e:w", "expr": "x"})
    assert "n:e:w" in run(tmp_path / "out")["new.rules.yml"]


@pytest.mark.parametrize("value", ["30s", "5m", "12h", "2d"])
def test_durations(value: str) -> None:
    assert settings.KINDS["duration"](value) == value


@pytest.mark.parametrize("value", ["", "s", "-5m", "5", "5w", "1h30m", "5m]) or vector(1) #"])
def test_what_is_no_duration(value: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        settings.KINDS["duration"](value)


def test_the_real_rules_can_be_filled(tmp_path: Path) -> None:
    folder = Path(__file__).parents[3] / "recording_rules"
    pages = files.written(folder, settings.schema(folder / "settings.yml", settings.RulesConfig)())
    assert len(pages) == len(list(folder.glob("*.rules.yml"))) + len(list(folder.glob("*.alerts.yml")))
    assert not any("@{" in text for text in pages.values())


def test_compat_names_that_do_not_exist(root: Path) -> None:
    with pytest.raises(ConfigError, match="there are: peer"):
        list(files.rule_files(root, ["nothing-like-it"]))


@pytest.mark.parametrize("name", ["recording_rules", "dashboards"])
def test_data_of_a_wheel_comes_before_that_of_a_checkout(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "exporters/jobgauge"
    package.mkdir(parents=True)
    monkeypatch.setattr("jobgauge.data._HERE", package)
    with pytest.raises(SourceError, match=f"no {name} in .*: install jobgauge again"):
        data.folder(name)
    checkout = tmp_path / {"recording_rules": "recording_rules", "dashboards": "dashboards/json"}[name]
    checkout.mkdir(parents=True)
    assert data.folder(name) == checkout
    installed = package / "_data" / name
    installed.mkdir(parents=True)
    assert data.folder(name) == installed
