"""What luigi.cfg may hold, and what is said of the rest."""

import configparser
import datetime as dt
import re
from pathlib import Path
from typing import Any, ClassVar

import luigi
import pytest
import toy_source
from flow import Flow
from project import Settings

from usage_metrics import config, platforms, sources
from usage_metrics.errors import ConfigError
from usage_metrics.luigi_defaults import LUIGI_DEFAULTS, set_luigi_defaults
from usage_metrics.maintenance.documentation import renewed_settings
from usage_metrics.parameters import OptionalDay
from usage_metrics.platforms.settings import PlatformSection
from usage_metrics.sources.settings import (
    SECTIONS,
    SOURCE_SECTIONS,
    SiteSection,
    SourceSection,
    source_section,
)
from usage_metrics.tasks.load import LoadSQLite
from usage_metrics.tasks.settings_check import check_sections

SHIPPED = Path(__file__).parents[1] / "luigi.cfg"

ALL_SETTINGS = [
    (section.__name__, name, parameter)
    for section in SECTIONS
    for name, parameter in section.get_params()
]


class Noted(luigi.Parameter[str]):
    """A text of which each reading is noted."""

    read: ClassVar[list[str]] = []

    def parse(self, text: str) -> str:
        """Read it, and note that."""
        self.read.append(text)
        return text


@pytest.mark.parametrize(
    ("section", "key", "meant"),
    [
        ("datasette", "logz", "logs"),
        ("datasette", "late-days", "late_days"),
        ("database", "busy_second", "busy_seconds"),
        ("paths", "roots", "root"),
        ("LoadSQLite", "stpo", "stop"),
    ],
)
def test_an_unknown_key_is_refused_with_the_one_that_was_meant(
    settings: Settings, section: str, key: str, meant: str
) -> None:
    settings(section, **{key: "x"})
    with pytest.raises(ConfigError, match=rf"\[{section}\] .*'{key}'.*mean {meant}\?"):
        _use_settings()


def test_an_unknown_key_like_no_other_is_refused_with_all_there_are(
    settings: Settings,
) -> None:
    settings("paths", colour="red")
    with pytest.raises(ConfigError, match=r"\[paths\] .*'colour'; it has root$"):
        _use_settings()


@pytest.mark.parametrize(
    ("section", "meant"),
    [
        ("datasete", "datasette"),
        ("databse", "database"),
        ("path", "paths"),
        ("geocod", "geocode"),
        ("LoadSqlite", "LoadSQLite"),
        ("RangeDayly", "RangeDaily"),
        ("retcodes", "retcode"),
    ],
)
def test_a_misspelt_section_is_refused_with_the_one_that_was_meant(
    settings: Settings, section: str, meant: str
) -> None:
    settings(section, key="x")
    with pytest.raises(ConfigError, match=rf"no section \[{section}\].*mean {meant}\?"):
        _use_settings()


@pytest.mark.parametrize("section", ["email", "my_own_tasks", "Geocode"])
def test_sections_that_are_none_of_ours_are_left_alone(
    settings: Settings, section: str
) -> None:
    settings(section, source="x")
    _use_settings()


@pytest.mark.parametrize(
    ("section", "key", "value", "problem"),
    [
        ("datasette", "settle_hours", "banana", "write a number from 0 to 10,000"),
        ("datasette", "settle_hours", "-1", "write a number from 0 to 10,000"),
        ("datasette", "settle_hours", "nan", "write a number from 0 to 10,000"),
        ("datasette", "late_days", "1.5", "write a whole number from 0 to 10,000"),
        ("datasette", "late_days", "-1", "write a whole number from 0 to 10,000"),
        ("datasette", "maximum_rejected_share", "5", "write a number from 0 to 1"),
        ("database", "busy_seconds", "-1", "write a number from 0 to"),
        ("geocode", "provider", "maxmind", "write one of ipinfo, mmdb"),
        ("datasette", "start", "banana", "' is not a date; write it as YYYY-MM-DD"),
        ("datasette", "stop", "2026-02-30", "is not a date"),
        ("datasette", "lost_days", "2026-02-30", "neither a day nor a range of days"),
        ("datasette", "lost_days", "2026-03-02..", "write days as 2026-03-08, ranges"),
        ("datasette", "lost_days", "2026-03-04..2026-03-02", "ends before it begins"),
        ("LoadSQLite", "partial", "maybe", "maybe"),
        ("RangeDaily", "start", "yesterday", "is not a date"),
        ("RangeDaily", "task_limit", "all", "write a whole number"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_with_its_setting(
    settings: Settings, section: str, key: str, value: str, problem: str
) -> None:
    settings(section, **{key: value})
    with pytest.raises(
        ConfigError, match=rf"luigi.cfg: \[{section}\] {key}.*{value}.*{problem}"
    ):
        _use_settings()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", []),
        (" 2026-03-08 ", ["2026-03-08"]),
        (
            "2026-03-08, 2026-04-01..2026-04-03,",
            ["2026-03-08", "2026-04-01", "2026-04-02", "2026-04-03"],
        ),
        ("2026-03-08 .. 2026-03-08", ["2026-03-08"]),
    ],
)
def test_lost_days_are_days_and_ranges_with_both_ends(
    settings: Settings, value: str, expected: list[str]
) -> None:
    settings("datasette", lost_days=value)
    section = source_section("datasette")
    assert sorted(map(str, section.lost_days)) == expected
    parameter = type(section).lost_days
    assert parameter.parse(parameter.serialize(section.lost_days)) == section.lost_days


@pytest.mark.parametrize("value", ["50%", "%(nothing)s", "${NOTHING_OF_THAT_NAME}/x"])
def test_a_percent_sign_or_an_unset_variable_is_refused_with_the_remedy(
    settings: Settings, value: str
) -> None:
    settings("paths", root=value)
    with pytest.raises(ConfigError, match=r"\[paths\] root .*write %% .*\$\{VARIABLE"):
        _use_settings()


def test_two_percent_signs_are_one_and_a_variable_is_its_value(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USAGE_METRICS_TEST", "/somewhere")
    settings("paths", root="${USAGE_METRICS_TEST}/100%%")
    assert config.paths().root == "/somewhere/100%"


@pytest.mark.parametrize("value", ["0", "1"])
def test_the_ends_of_a_share_may_be_used(settings: Settings, value: str) -> None:
    settings("datasette", maximum_rejected_share=value)
    assert source_section("datasette").maximum_rejected_share == float(value)


def test_a_start_that_is_nowhere_is_asked_for(settings: Settings) -> None:
    settings("datasette", start="")
    with pytest.raises(
        ConfigError, match=r"LoadSQLite needs a start: .* set it in \[datasette\]"
    ):
        _ = LoadSQLite().span


def test_start_and_stop_stand_in_the_section_of_the_source(settings: Settings) -> None:
    settings("datasette", start="2026-03-02", stop="2026-03-04")
    assert LoadSQLite().span == (dt.date(2026, 3, 2), dt.date(2026, 3, 4))


@pytest.mark.filterwarnings("ignore:The use of the configuration:DeprecationWarning")
def test_start_and_stop_are_read_where_they_stood_in_former_versions(
    settings: Settings,
) -> None:
    settings("datasette", start="", stop="")
    for key in ("start", "stop"):
        luigi.configuration.get_config().remove_option("datasette", key)
    settings("LoadSQLite", start="2026-03-02", stop="2026-03-04")
    section = source_section("datasette")
    assert (section.start, section.stop) == (dt.date(2026, 3, 2), dt.date(2026, 3, 4))
    assert source_section("web").start is None, "there was no other source then"


@pytest.mark.parametrize("key", ["start", "stop"])
def test_two_ranges_that_differ_are_refused(settings: Settings, key: str) -> None:
    settings("datasette", **{key: "2026-03-02"})
    settings("LoadSQLite", **{key: "2026-03-03"})
    with pytest.raises(ConfigError, match=rf"{key} in \[LoadSQLite\].*delete that one"):
        check_sections()


class OftenAsked(config.Section):
    """A section that notes each reading of its value."""

    value = Noted(default="")


def test_a_section_is_read_again_only_if_it_says_something_else(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Noted.read
    settings("OftenAsked", value="${PLACE}")
    for place in ("here", "there"):
        monkeypatch.setenv("PLACE", place)
        assert OftenAsked().value == place
        read.clear()
        assert OftenAsked().value == place
        assert not read
    settings("OftenAsked", value="50 %")
    for _ in range(2):
        with pytest.raises(ConfigError, match="write %% for a percent sign"):
            OftenAsked()


@pytest.mark.parametrize("day", [None, dt.date(2026, 3, 2)])
def test_an_optional_day_is_read_as_it_is_written(day: dt.date | None) -> None:
    parameter = OptionalDay(description="")
    assert parameter.parse(parameter.serialize(day)) == day


@pytest.mark.parametrize(
    ("section", "name", "parameter"), ALL_SETTINGS, ids=lambda value: str(value)[:24]
)
def test_every_setting_says_what_it_is(
    section: str, name: str, parameter: luigi.Parameter[Any]
) -> None:
    assert parameter.description
    assert "%" not in parameter.description, "argparse cannot show it in --help"


def test_every_setting_has_a_default() -> None:
    assert all(parameter.has_task_value(*at) for *at, parameter in ALL_SETTINGS)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more source, without a class of settings."""
    monkeypatch.setitem(sources.SOURCES, "toy", toy_source.REGISTERED)


def test_a_source_without_a_section_has_the_common_settings(
    settings: Settings, toy: None
) -> None:
    settings("toy", late_days=3)
    assert source_section("toy").late_days == 3
    assert source_section("toy").settle_hours == 3.0
    assert type(source_section("toy")) is type(source_section("toy"))


def test_the_common_settings_of_a_source_are_checked_too(
    settings: Settings, toy: None
) -> None:
    settings("toy", late_dais=3)
    with pytest.raises(ConfigError, match=r"\[toy\] .*mean late_days\?"):
        source_section("toy")


def test_our_defaults_for_luigi_give_way_to_the_users(settings: Settings) -> None:
    settings("RangeDaily", task_limit="7")
    settings("retcode", task_failed="99")
    set_luigi_defaults()
    cfg = luigi.configuration.get_config()
    assert cfg.get("RangeDaily", "task_limit") == "7"
    assert cfg.get("retcode", "task_failed") == "99"
    assert cfg.get("retcode", "missing_data") == "20"


def test_there_are_no_settings_of_a_source_that_there_is_not(
    settings: Settings,
) -> None:
    with pytest.raises(ConfigError, match="'datasete'; the sources are .*datasette"):
        source_section("datasete")
    settings("datasete", logs="data")
    with pytest.raises(ConfigError, match=r"no section \[datasete\].*datasette"):
        check_sections()


def test_every_section_class_is_registered() -> None:
    declared = {
        value
        for module in (config, sources.settings, platforms.settings)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, config.Section)
    }
    bases = {config.Section, SourceSection, SiteSection, PlatformSection}
    assert declared - bases == set(SECTIONS)


def test_a_source_with_settings_of_its_own_is_a_source() -> None:
    assert {section.__name__ for section in SOURCE_SECTIONS} <= sources.SOURCES.keys()


# --- the luigi.cfg that is shipped ----------------------------------------------------


def test_every_section_of_the_shipped_luigi_cfg_explains_itself() -> None:
    sections = SHIPPED.read_text().split("\n[")[1:]
    assert len(sections) > 5
    for text in sections:
        name, first, *_ = text.splitlines()
        assert re.match(r"# \w.* \w", first), f"[{name} has no comment"


def test_every_setting_stands_in_the_shipped_luigi_cfg() -> None:
    shipped = SHIPPED.read_text()
    assert shipped == renewed_settings(shipped), (
        "run python -m usage_metrics.maintenance.documentation docs luigi.cfg"
    )
    for section, key, _ in ALL_SETTINGS:
        body = shipped.split(f"\n[{section}]\n")[1].split("\n[")[0]
        assert re.search(rf"^(?:# )?{key} =", body, re.MULTILINE), (section, key)


def test_a_section_that_the_shipped_luigi_cfg_lacks_is_put_behind() -> None:
    start = SHIPPED.read_text().partition("\n[geocode]")[0]
    again = renewed_settings(start)
    assert again.startswith(start)
    assert "\n[notify]\n# Who is told when usage-metrics run fails.\n" in again
    assert renewed_settings(again) == again


OF_THE_SAMPLE = {
    *(("datasette", key) for key in ("logs", "start", "stop", "lost_days")),
    ("counting", "datasets"),
}


def test_the_shipped_luigi_cfg_says_what_the_package_says() -> None:
    shipped = configparser.ConfigParser(interpolation=None)
    shipped.read_string(re.sub(r"(?m)^# (?=\w+ =)", "", SHIPPED.read_text()))
    for section, options in LUIGI_DEFAULTS.items():
        for key in options.keys() & shipped.options(section):
            assert shipped.get(section, key) == options[key]
    for section, key, parameter in ALL_SETTINGS:
        if shipped.has_option(section, key) and (section, key) not in OF_THE_SAMPLE:
            assert shipped.get(section, key) == parameter.serialize(parameter._default)


def test_the_shipped_luigi_cfg_has_no_setting_that_is_none(flow: Flow) -> None:
    shipped = configparser.ConfigParser(interpolation=None)
    shipped.read(SHIPPED)
    known = {(section, key) for section, key, _ in ALL_SETTINGS}
    ours = {section for section, _ in known}
    assert {
        (section, key)
        for section in ours & set(shipped.sections())
        for key in shipped.options(section)
    } <= known


def _use_settings() -> None:
    """Use settings as LoadSQLite does."""
    check_sections()
    LoadSQLite(start=dt.date(2026, 3, 2))
    usage_range = luigi.task_register.Register.get_task_cls("RangeDaily")
    usage_range(of=LoadSQLite)


@pytest.mark.parametrize(
    ("section", "key", "value", "said"),
    [
        ("paths", "root", "", r"\[paths\] root = '' cannot be used: it is empty"),
        ("database", "path", " ", r"\[database\] path .*it is empty"),
        (
            "LoadSQLite",
            "stopp",
            "2026-01-01",
            r"\(did you mean stop",
        ),
        ("datasette", "stop", "2015-02-30", "'2015-02-30' is not a date"),
        (
            "datasette",
            "base_url",
            "https://data.example.org/data/",
            "it is not a path; write the path alone, such as /data/",
        ),
        ("RangeDaily", "task_limt", "3", "did you mean task_limit"),
        ("Geocode", "provider", "ipinfo", "no setting 'provider'"),
    ],
)
def test_what_would_stop_or_distort_a_run_is_refused_beforehand(
    settings: Settings, section: str, key: str, value: str, said: str
) -> None:
    settings(section, **{key: value})
    with pytest.raises(ConfigError, match=said):
        check_sections()


@pytest.mark.parametrize(
    ("section", "key", "meant"),
    [
        ("retcode", "task_faild", "task_failed"),
        ("core", "log_lvl", "log_level"),
        ("worker", "keep_aliv", "keep_alive"),
        ("scheduler", "stable_done_cooldown", "stable_done_cooldown_secs"),
    ],
)
def test_what_is_nearly_a_setting_of_luigis_is_refused(
    settings: Settings, section: str, key: str, meant: str
) -> None:
    settings(section, **{key: "1"})
    said = rf"\[{section}\] has no setting '{key}' \(did you mean {meant}\?\)"
    with pytest.raises(ConfigError, match=said):
        set_luigi_defaults()


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("core", "rpc_retry_wait"),
        ("core", "default_scheduler_host"),
        ("scheduler", "retry_delay"),
        ("scheduler", "disable_num_failures"),
        ("worker", "keep_alive"),
    ],
)
def test_settings_of_luigis_are_left_to_it(
    settings: Settings, section: str, key: str
) -> None:
    settings(section, **{key: "1"})
    set_luigi_defaults()
