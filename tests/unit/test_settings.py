"""Settings: where they come from, and what people are told about wrong ones."""

import os
from pathlib import Path

import pytest

from controller.core.redis_url import Login
from controller.settings import Settings, SettingsError, load_settings


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("REDISTIMER_") or name in ("REDIS_URL", "KUBECONFIG"):
            monkeypatch.delenv(name)


def refusal(*arguments: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(list(arguments), "redistimer worker")
    return str(caught.value)


def test_nothing_has_to_be_set() -> None:
    settings = load_settings([], "redistimer worker")
    assert settings.redis_url.get_secret_value() == "redis://127.0.0.1:6379/0"
    assert str(settings.redis_address) == "127.0.0.1:6379/0"
    assert settings.kubeconfig is None


def test_a_flag_wins_over_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDISTIMER_LEASE_SECONDS", "20")
    monkeypatch.setenv("REDISTIMER_AHEAD_SECONDS", "2.5")
    settings = load_settings(["--lease-seconds", "30"], "redistimer worker")
    assert (settings.lease_seconds, settings.ahead_seconds) == (30, 2.5)


def test_redis_and_kubeconfig_come_from_the_variables_that_everybody_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "rediss://redis.example:6380/1")
    monkeypatch.setenv("KUBECONFIG", "/etc/kubeconfig")
    settings = load_settings([], "redistimer worker")
    assert settings.redis_url.get_secret_value() == "rediss://redis.example:6380/1"
    assert settings.kubeconfig == Path("/etc/kubeconfig")


def test_each_process_has_a_name_of_its_own() -> None:
    assert Settings().identity != Settings().identity


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--redis-url", "http://127.0.0.1"),
        ("--redis-url", "127.0.0.1:6379"),
        ("--redis-url", "redis://127.0.0.1:port/0"),
        ("--redis-username-file", "/does/not/exist"),
        ("--redis-password-file", "/does/not/exist"),
        ("--redis-password-file", "/"),
        ("--redis-sentinel-password-file", "/does/not/exist"),
        ("--redis-ca-file", "/does/not/exist"),
        ("--redis-cert-file", "/"),
        ("--redis-key-file", "/"),
        ("--installation", "Blue"),
        ("--installation", "blue}"),
        ("--installation", "-"),
        ("--installation", "b" * 41),
        ("--namespaces", "Team"),
        ("--namespaces", "team-"),
        ("--namespaces", "a b"),
        ("--namespaces", "a,,b"),
        ("--namespaces", "a,b,a"),
        ("--namespaces", "*"),
        ("--namespaces", "n" * 64),
        ("--api-timeout-seconds", "0"),
        ("--api-timeout-seconds", "nan"),
        ("--api-connections", "0"),
        ("--api-connections", "many"),
        ("--use-proxy", "perhaps"),
        ("--http-port", "65536"),
        ("--log-format", "xml"),
        ("--log-level", "trace"),
        ("--lease-seconds", "1"),
        ("--lease-seconds", "inf"),
        ("--ahead-seconds", "0"),
        ("--claim-batch", "0"),
        ("--prepared-limit", "-1"),
        ("--reap-seconds", "0"),
        ("--grace-seconds", "0"),
        ("--leader-seconds", "2"),
        ("--status-seconds", "0"),
        ("--rebuild-seconds", "1"),
        ("--identity", ""),
        ("--identity", "x" * 121),
    ],
)
def test_a_wrong_value_is_told_in_one_line_that_names_flag_and_variable(
    monkeypatch: pytest.MonkeyPatch, flag: str, value: str
) -> None:
    variable = {"--redis-url": "REDIS_URL"}.get(flag, "REDISTIMER_" + flag.removeprefix("--").upper().replace("-", "_"))
    message = refusal(flag, value)
    assert message.startswith(f"{flag} (or {variable}): ")
    assert "\n" not in message
    monkeypatch.setenv(variable, value)
    assert refusal() == message


def test_every_wrong_value_is_told_at_once() -> None:
    message = refusal("--http-port", "x", "--log-level", "y")
    assert "--http-port" in message
    assert "--log-level" in message
    assert "\n" not in message


def test_a_lease_must_outlast_the_time_ahead() -> None:
    message = refusal("--ahead-seconds", "10", "--lease-seconds", "10")
    assert message.startswith("--ahead-seconds 10 must be less than --lease-seconds 10: ")


def test_a_flag_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load_settings(["--leases-seconds", "10"], "redistimer worker")
    assert caught.value.code == 2
    assert "--leases-seconds" in capsys.readouterr().err


def test_help_names_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load_settings(["--help"], "redistimer worker")
    assert caught.value.code == 0
    shown = capsys.readouterr().out
    for name in Settings.model_fields:
        assert f"--{name.replace('_', '-')}" in shown


SECRET = "hunter2"


def test_the_password_is_in_no_representation(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{SECRET}\n")
    settings = load_settings(
        ["--redis-url", f"redis://:{SECRET}@127.0.0.1", "--redis-password-file", str(file)], "redistimer worker"
    )
    assert settings.redis_address.login.password == SECRET
    for text in (
        repr(settings),
        repr(settings.redis_address),
        str(settings),
        settings.model_dump_json(),
        repr(settings.redis_url),
    ):
        assert SECRET not in text


def test_a_user_by_flag_wins_over_the_one_in_the_url_and_leaves_the_password() -> None:
    settings = load_settings(
        ["--redis-url", f"redis://jane:{SECRET}@r", "--redis-username", "joe"], "redistimer worker"
    )
    assert settings.redis_address.login == Login("joe", SECRET)


def test_a_user_in_a_file_leaves_no_room_for_another(tmp_path: Path) -> None:
    file = tmp_path / "username"
    file.write_text("jane")
    message = refusal("--redis-username", "joe", "--redis-username-file", str(file))
    assert message == "--redis-username and --redis-username-file both name the user for Redis: leave out one"


@pytest.mark.parametrize(
    ("text", "served"), [("", ()), (" ", ()), ("a", ("a",)), ("team-a, team-b,0", ("team-a", "team-b", "0"))]
)
def test_namespaces_are_named_by_commas_and_none_are_all(
    monkeypatch: pytest.MonkeyPatch, text: str, served: tuple[str, ...]
) -> None:
    assert load_settings(["--namespaces", text], "redistimer worker").served == served
    monkeypatch.setenv("REDISTIMER_NAMESPACES", text)
    assert load_settings([], "redistimer controller").served == served


def test_files_for_tls_need_a_url_that_says_so_and_a_key_needs_its_certificate(tmp_path: Path) -> None:
    file = tmp_path / "file.pem"
    file.touch()
    for flag in ("--redis-ca-file", "--redis-cert-file"):
        assert refusal(flag, str(file)).startswith(f"{flag} is for TLS, and --redis-url names none")
    message = refusal("--redis-url", "rediss+cluster://r", "--redis-key-file", str(file))
    assert message == "--redis-key-file is the key of a certificate: name that with --redis-cert-file"


def test_a_password_for_sentinels_needs_a_url_that_names_some(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.touch()
    message = refusal("--redis-url", "redis+cluster://r", "--redis-sentinel-password-file", str(file))
    assert message.startswith("--redis-sentinel-password-file needs redis+sentinel:// in --redis-url")
