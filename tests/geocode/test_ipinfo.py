"""The provider ipinfo.io, against a local server that behaves as the real one does."""

import contextlib
import datetime as dt
import json
import logging
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import luigi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ipinfo_server import FULL, LITE, TOKEN, IpinfoServer, Trouble
from local_server import BOMB
from luigi.task_register import Register

from usage_metrics.errors import ConfigError, ServiceError
from usage_metrics.geocode.cache import LockedShelf
from usage_metrics.geocode.ipinfo import IpinfoProvider
from usage_metrics.geocode.ipinfo_replies import normalise
from usage_metrics.geocode.ipinfo_service import PLANS, IpinfoService
from usage_metrics.geocode.journal import Journal
from usage_metrics.geocode.locations import Location

MakeProvider = Callable[..., IpinfoProvider]
Start = Callable[..., subprocess.Popen[str]]
ReadCache = Callable[[], dict[str, Any]]
Configure = Callable[..., None]

TODAY = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
NOWHERE = Location()


def public(count: int, start: int = 0) -> list[str]:
    """Distinct public addresses."""
    return [
        f"8.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(start, start + count)
    ]


@pytest.fixture
def server() -> Iterator[IpinfoServer]:
    with IpinfoServer() as server:
        yield server


@pytest.fixture
def waits() -> list[float]:
    """The seconds to wait between attempts, recorded instead of waited."""
    return []


@pytest.fixture
def provider(server: IpinfoServer, waits: list[float], tmp_path: Path) -> MakeProvider:
    """Make a provider; each is a new run that shares only the cache file."""

    def make(
        plan: str = "full",
        days: int = 0,
        leave_null: bool = False,
        token: str = TOKEN,
        timeout: float = 10.0,
        cache_days: int = 90,
    ) -> IpinfoProvider:
        service = IpinfoService(
            token, PLANS[plan], timeout, 3, endpoint=server.url, sleep=waits.append
        )
        return IpinfoProvider(
            service,
            LockedShelf(tmp_path / "cache" / "ipinfo"),
            cache_days,
            leave_null,
            now=lambda: TODAY + dt.timedelta(days),
        )

    return make


@pytest.fixture
def cached(tmp_path: Path) -> ReadCache:
    """The raw replies in the file."""

    def read() -> dict[str, Any]:
        with LockedShelf(tmp_path / "cache" / "ipinfo").open() as answers:
            return {a: json.loads(answer)["raw"] for a, answer in answers.items()}

    return read


def located(provider: IpinfoProvider, address: str = "8.8.8.8") -> Location:
    """The location of an address that the provider answers."""
    [location] = provider.locate([address])
    assert location is not None
    return location


each_plan = pytest.mark.parametrize("plan", ["full", "lite"])


# What a reply means

GOOGLE_FULL = Location(
    hostname="dns.google",
    city="Mountain View",
    region="California",
    country="US",
    country_name="United States",
    full_location="Mountain View, California, United States",
    loc="37.4056,-122.0775",
    latitude=37.4056,
    longitude=-122.0775,
    org="AS15169 Google LLC",
    asn="AS15169",
    postal="94043",
    timezone="America/Los_Angeles",
    located_by="ipinfo full 2026-11-23",
)
GOOGLE_LITE = Location(
    country="US",
    country_name="United States",
    full_location="United States",
    org="AS15169 Google LLC",
    asn="AS15169",
    located_by="ipinfo lite 2026-11-23",
)


def test_full_gives_city_and_more(provider: MakeProvider) -> None:
    assert provider("full").locate(["8.8.8.8"]) == [GOOGLE_FULL]


def test_lite_gives_country_and_network(provider: MakeProvider) -> None:
    assert provider("lite").locate(["8.8.8.8"]) == [GOOGLE_LITE]


@each_plan
def test_answers_are_in_the_order_of_the_addresses(
    server: IpinfoServer, provider: MakeProvider, plan: str
) -> None:
    addresses = ["9.9.9.9", "2001:4860:4860::8888", "8.8.8.8"]
    for country, address in zip(("CH", "DE", "FR"), addresses, strict=True):
        server.replies[address] = {
            "ip": address,
            "country": "",
            "country_code": country,
        }
    found = provider(plan).locate(addresses)
    assert [location and location.country for location in found] == ["CH", "DE", "FR"]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param({}, {}, id="nothing"),
        pytest.param(
            {"loc": "37.4056,-122.0775"},
            {"loc": "37.4056,-122.0775", "latitude": 37.4056, "longitude": -122.0775},
            id="coordinates are numbers",
        ),
        *(
            pytest.param({"loc": loc}, {}, id=f"no place: {loc}")
            for loc in (
                "",
                ",",
                "1",
                "1,",
                "1,2,3",
                "x,y",
                "91,0",
                "0,181",
                "nan,nan",
                3,
            )
        ),
        pytest.param(
            {"city": "Bern", "country": "CH"},
            {
                "city": "Bern",
                "country": "CH",
                "country_name": "Switzerland",
                "full_location": "Bern, Switzerland",
            },
            id="location joined from the parts present",
        ),
        pytest.param(
            {"city": "Bern", "region": "Bern", "country": None},
            {"city": "Bern", "region": "Bern", "full_location": "Bern, Bern"},
            id="country null",
        ),
        pytest.param(
            {"country_code": None, "country": None}, {}, id="lite, country null"
        ),
        pytest.param(
            {"country_code": "CH", "country": None},
            {
                "country": "CH",
                "country_name": "Switzerland",
                "full_location": "Switzerland",
            },
            id="lite, name missing",
        ),
        pytest.param({"country": "ZZ"}, {"country": "ZZ"}, id="code without name"),
        pytest.param(
            {"org": "AS3303 Swisscom (Schweiz) AG"},
            {"org": "AS3303 Swisscom (Schweiz) AG", "asn": "AS3303"},
            id="org with number",
        ),
        pytest.param({"org": "Swisscom"}, {"org": "Swisscom"}, id="org without number"),
        pytest.param(
            {"org": "AS1"}, {"org": "AS1", "asn": "AS1"}, id="org, number only"
        ),
        pytest.param({"org": "ASDA Ltd"}, {"org": "ASDA Ltd"}, id="org like a number"),
        pytest.param({"asn": "AS1"}, {"org": "AS1", "asn": "AS1"}, id="number only"),
        pytest.param({"as_name": "Swisscom"}, {"org": "Swisscom"}, id="name only"),
        pytest.param(
            {"asn": {"asn": "AS1", "name": "Level 3", "route": "4.0.0.0/9"}},
            {"org": "AS1 Level 3", "asn": "AS1"},
            id="network of a paid plan",
        ),
        pytest.param(
            {
                "isEU": False,
                "privacy": {"vpn": True},
                "flags": [1],
                "city": {"en": "x"},
            },
            {},
            id="unknown and nested fields",
        ),
        pytest.param(
            {"city": " ", "postal": 8000, "hostname": None}, {}, id="no texts"
        ),
        pytest.param(
            {"city": "a\ud800"}, {"city": "a?", "full_location": "a?"}, id="no UTF-8"
        ),
    ],
)
def test_a_reply_becomes_columns(raw: dict[str, Any], expected: dict[str, Any]) -> None:
    assert normalise(raw) == Location(**expected)


plain_values = st.none() | st.booleans() | st.floats() | st.text()
json_values = (
    plain_values
    | st.lists(plain_values)
    | st.dictionaries(st.sampled_from(["asn", "name"]), plain_values)
)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.sampled_from([*FULL, *LITE, "bogon", "new"]), json_values))
def test_any_reply_becomes_columns_of_the_right_types(raw: dict[str, Any]) -> None:
    location = normalise(raw)._asdict()
    for name in ("latitude", "longitude"):
        assert isinstance(location.pop(name), float | None)
    assert all(isinstance(value, str | None) for value in location.values())


# What is sent


@each_plan
def test_nothing_but_public_addresses_in_canonical_form_is_sent(
    server: IpinfoServer, provider: MakeProvider, plan: str
) -> None:
    others: list[Any] = [
        *("", "-", "None", "nan", "me", "unknown", "8.8.8.8 ", "8.8.8.8/32"),
        *("lookup/8.8.8.8", "08.8.8.8", "8.8.8", "10.0.0.1", "127.0.0.1", "192.0.2.1"),
        *("224.0.0.1", "::1", "::ffff:8.8.8.8", "2001:db8::1", "fe80::1%eth0"),
        *("2001:4860:4860:0::8888", "2001:4860:4860::8888%eth0", None, float("nan")),
    ]
    assert provider(plan).locate(others) == [NOWHERE] * len(others)
    assert server.requests == []


@pytest.mark.parametrize(
    ("plan", "count", "requests"),
    [("full", 2500, [1000, 1000, 500]), ("lite", 25, [1] * 25)],
)
def test_full_asks_for_a_thousand_at_a_time_and_lite_for_one(
    server: IpinfoServer,
    provider: MakeProvider,
    plan: str,
    count: int,
    requests: list[int],
) -> None:
    addresses = public(count)
    assert None not in provider(plan).locate(addresses)
    assert [len(request) for request in server.requests] == requests
    assert server.asked == Counter(addresses)


# What is cached


@each_plan
def test_an_address_is_asked_for_once(
    server: IpinfoServer, provider: MakeProvider, plan: str
) -> None:
    first = provider(plan).locate(public(3))
    assert provider(plan, days=30).locate(public(3)) == first
    provider(plan, days=60).locate(public(4))
    assert server.asked == Counter(public(4))


def test_another_timeout_token_or_order_asks_for_nothing_again(
    server: IpinfoServer, provider: MakeProvider
) -> None:
    provider().locate(public(3))
    server.tokens.add("another-token")
    again = provider(token="another-token", timeout=3.0, cache_days=80)
    assert None not in again.locate(public(3)[::-1])
    assert len(server.requests) == 1


def test_the_raw_reply_is_kept_and_nothing_that_the_sdk_adds(
    provider: MakeProvider, cached: ReadCache
) -> None:
    provider("full").locate(["8.8.8.8"])
    provider("lite").locate(["9.9.9.9"])
    assert cached() == {
        "8.8.8.8": FULL,
        "9.9.9.9": LITE,
    }


def test_an_expired_answer_is_asked_for_again(
    server: IpinfoServer, provider: MakeProvider
) -> None:
    provider().locate(["8.8.8.8"])
    provider(cache_days=30, days=30).locate(["8.8.8.8"])
    assert server.asked["8.8.8.8"] == 1
    location = located(provider(cache_days=30, days=31))
    assert server.asked["8.8.8.8"] == 2
    assert location.located_by == "ipinfo full 2026-12-24"


def test_an_expired_answer_leaves_the_file(
    provider: MakeProvider, cached: ReadCache
) -> None:
    provider().locate(["8.8.8.8"])
    provider(days=91).locate(["9.9.9.9"])
    assert list(cached()) == ["9.9.9.9"]


@each_plan
def test_an_address_of_which_nothing_is_known_is_asked_for_again_after_a_day(
    server: IpinfoServer, provider: MakeProvider, plan: str
) -> None:
    server.replies["8.8.8.8"] = {"ip": "8.8.8.8", "country_code": None}
    location = located(provider(plan))
    assert location == Location(located_by=f"ipinfo {plan} 2026-11-23")
    provider(plan, days=1).locate(["8.8.8.8"])
    assert server.asked["8.8.8.8"] == 1
    server.replies.clear()
    location = located(provider(plan, days=2))
    assert location.country == "US"


def test_an_answer_that_a_later_version_kept_is_not_misread(
    server: IpinfoServer, provider: MakeProvider, tmp_path: Path
) -> None:
    with LockedShelf(tmp_path / "cache" / "ipinfo").open() as answers:
        answers["8.8.8.8"] = json.dumps({"v": 2, "reply": FULL})
    assert provider().locate(["8.8.8.8"]) == [GOOGLE_FULL]
    assert server.asked["8.8.8.8"] == 1


def test_a_full_answer_serves_lite_as_well(
    server: IpinfoServer, provider: MakeProvider
) -> None:
    provider("full").locate(["8.8.8.8"])
    assert provider("lite").locate(["8.8.8.8"]) == [GOOGLE_FULL]
    assert server.asked["8.8.8.8"] == 1


def test_a_lite_answer_is_asked_for_again_when_the_plan_becomes_full(
    server: IpinfoServer, provider: MakeProvider
) -> None:
    provider("lite").locate(["8.8.8.8"])
    assert provider("full").locate(["8.8.8.8"]) == [GOOGLE_FULL]
    assert provider("full").locate(["8.8.8.8"]) == [GOOGLE_FULL]
    assert server.asked["8.8.8.8"] == 2


@each_plan
def test_what_the_service_calls_a_bogon_is_unknown_and_not_kept(
    server: IpinfoServer, provider: MakeProvider, cached: ReadCache, plan: str
) -> None:
    server.replies["8.8.8.8"] = {"ip": "8.8.8.8", "bogon": True}
    location = located(provider(plan))
    assert location == Location(located_by=f"ipinfo {plan} 2026-11-23")
    assert cached() == {}


@each_plan
def test_an_address_that_the_service_does_not_take_is_unknown_and_not_kept(
    server: IpinfoServer, provider: MakeProvider, cached: ReadCache, plan: str
) -> None:
    server.replies["8.8.8.8"] = {"status": 404, "error": {"title": "Wrong ip"}}
    unknown, google = provider(plan).locate(["8.8.8.8", "9.9.9.9"])
    assert unknown == Location(located_by=f"ipinfo {plan} 2026-11-23")
    assert google is not None
    assert list(cached()) == ["9.9.9.9"]


def test_json_is_json_whatever_its_content_type_adds(
    server: IpinfoServer, provider: MakeProvider
) -> None:
    kind = {"Content-Type": "application/json; charset=utf-8"}
    body = json.dumps({"8.8.8.8": {"ip": "8.8.8.8", **FULL}})
    server.next.append(Trouble(200, body, headers=kind))
    assert provider().locate(["8.8.8.8"]) == [GOOGLE_FULL]
    server.next.append(Trouble(403, '{"error": {"title": "x"}}', headers=kind))
    with pytest.raises(ConfigError, match="IPINFO_TOKEN"):
        provider().locate(["9.9.9.9"])


# Temporary failures


@each_plan
@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(Trouble(503), id="503"),
        pytest.param(Trouble(500, "<html>"), id="500"),
        pytest.param(Trouble(429), id="429"),
        pytest.param(Trouble(200, '{"8.8.8.8": {"ip', cut=True), id="cut off"),
    ],
)
def test_a_temporary_failure_is_retried_with_longer_and_longer_waits(
    server: IpinfoServer,
    provider: MakeProvider,
    waits: list[float],
    plan: str,
    trouble: Trouble,
) -> None:
    server.next.extend([trouble, trouble])
    location = located(provider(plan))
    assert location.country == "US"
    assert server.asked["8.8.8.8"] == 3
    first, second = waits
    assert 1 <= first <= 2 <= second <= 3


def test_retrying_a_batch_sends_no_other_addresses_again(
    server: IpinfoServer, provider: MakeProvider
) -> None:
    provider().locate(public(1000))
    server.next.extend([Trouble(503), Trouble(503)])
    provider().locate(public(1010))
    assert server.asked == Counter(public(1000)) + Counter(public(10, 1000) * 3)


@pytest.mark.parametrize(
    ("retry_after", "least", "most"),
    [
        ("7", 7, 7),
        ("0", 0, 0),
        ("in 55 seconds, as a date", 1, 55),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("soon", 1, 2),
        ("-3", 1, 2),
    ],
)
def test_retry_after_is_obeyed(
    server: IpinfoServer,
    provider: MakeProvider,
    waits: list[float],
    retry_after: str,
    least: float,
    most: float,
) -> None:
    if retry_after.startswith("in 55"):
        soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=55)
        retry_after = format_datetime(soon)
    server.next.append(Trouble(429, headers={"Retry-After": retry_after}))
    assert None not in provider().locate(["8.8.8.8"])
    [wait] = waits
    assert least <= wait <= most


def test_waits_start_short_again_for_each_request(
    server: IpinfoServer, provider: MakeProvider, waits: list[float]
) -> None:
    server.next.extend([Trouble(503), Trouble(503)])
    run = provider()
    run.locate(["8.8.8.8"])
    server.next.append(Trouble(503))
    run.locate(["9.9.9.9"])
    assert waits[2] <= 2


@each_plan
def test_an_answer_may_take_as_long_as_configured_and_no_longer(
    server: IpinfoServer, provider: MakeProvider, waits: list[float], plan: str
) -> None:
    server.delay = 0.5
    with pytest.raises(ServiceError, match=r"did not answer within 0\.1 s"):
        provider(plan, timeout=0.1).locate(["8.8.8.8"])
    assert len(waits) == 2
    assert located(provider(plan, timeout=10.0)).country == "US"


# Refusals


def refused(provider: IpinfoProvider, addresses: list[str]) -> Exception:
    """The error that a refusal becomes."""
    with pytest.raises((ServiceError, ConfigError)) as caught:
        provider.locate(addresses)
    return caught.value


@pytest.mark.parametrize(
    ("trouble", "attempts", "kind", "words"),
    [
        pytest.param(
            Trouble(429, headers={"Retry-After": "86400"}),
            *(1, ServiceError),
            ["HTTP 429", "quota", "wait 86,400 s", "raise the plan"],
            id="quota",
        ),
        pytest.param(
            *(Trouble(429), 3, ServiceError),
            ["HTTP 429", "quota", "raise the plan"],
            id="429 for ever",
        ),
        pytest.param(
            *(Trouble(502, "<h1>Bad\n gateway</h1>"), 3, ServiceError),
            ["HTTP 502 (<h1>Bad gateway</h1>)", "status.ipinfo.io"],
            id="502 for ever",
        ),
        pytest.param(
            *(Trouble(200, "{", cut=True), 3, ServiceError),
            ["the connection to ipinfo failed", "status.ipinfo.io"],
            id="cut off for ever",
        ),
        pytest.param(
            *(Trouble(401), 1, ConfigError),
            ["IPINFO_TOKEN", "https://ipinfo.io/dashboard/token"],
            id="401",
        ),
        pytest.param(
            *(Trouble(403), 1, ConfigError),
            ["IPINFO_TOKEN", "https://ipinfo.io/dashboard/token"],
            id="403",
        ),
        pytest.param(
            *(Trouble(404, "no such page"), 1, ServiceError),
            ["HTTP 404 (no such page)", "[ipinfo] plan and endpoint"],
            id="404",
        ),
        pytest.param(
            Trouble(302, headers={"Location": "https://login.example.org/"}),
            *(1, ServiceError),
            ["HTTP 302"],
            id="redirect",
        ),
        pytest.param(
            Trouble(200, "<html>", headers={"Content-Type": "text/html"}),
            *(1, ServiceError),
            ["text/html instead of JSON", "login page"],
            id="HTML",
        ),
        pytest.param(
            *(Trouble(200, "[" * 100_000), 1, ServiceError),
            ["instead of JSON"],
            id="bottomless JSON",
        ),
        pytest.param(
            Trouble(200, BOMB, headers={"Content-Encoding": "gzip"}),
            *(1, ServiceError),
            ["ipinfo answered with more than 64 MB", "Check [ipinfo] endpoint"],
            id="a bomb",
        ),
        pytest.param(
            *(Trouble(200, "[]"), 1, ServiceError), ["another shape"], id="a JSON list"
        ),
        pytest.param(
            *(Trouble(200, "{}"), 1, ServiceError),
            ["nothing about an address"],
            id="an empty answer",
        ),
        pytest.param(
            *(Trouble(200, json.dumps({a: {} for a in public(2)})), 1),
            *(ServiceError, ["something else about an address"]),
            id="empty answers",
        ),
    ],
)
def test_a_refusal_says_what_happened_and_what_to_do(
    server: IpinfoServer,
    provider: MakeProvider,
    trouble: Trouble,
    attempts: int,
    kind: type[Exception],
    words: list[str],
) -> None:
    server.trouble["8.0.0.1"] = trouble
    error = refused(provider(), public(2))
    assert type(error) is kind
    for word in [
        *words,
        "0 addresses were answered and are kept",
        "2 are left",
        "only those are requested",
        "when_refused = leave_null",
        "provider = mmdb",
    ]:
        assert word in str(error)
    assert len(server.requests) == attempts


@pytest.mark.parametrize("status", [401, 404, 429])
def test_what_full_answered_before_a_refusal_is_kept(
    server: IpinfoServer, provider: MakeProvider, cached: ReadCache, status: int
) -> None:
    server.trouble[public(1010)[-1]] = Trouble(status, headers={"Retry-After": "9999"})
    error = refused(provider(), public(1010))
    assert "1,000 addresses were answered and are kept" in str(error)
    assert "10 are left" in str(error)
    assert len(cached()) == 1000
    server.trouble.clear()
    assert None not in provider().locate(public(1010))
    assert server.asked == Counter(public(1000)) + Counter(public(10, 1000) * 2)


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
def test_what_lite_answered_beside_a_refusal_is_kept(
    server: IpinfoServer, provider: MakeProvider, cached: ReadCache, status: int
) -> None:
    server.trouble[public(11)[-1]] = Trouble(status)
    assert "are left" in str(refused(provider("lite"), public(11)))
    kept = cached()
    assert kept
    server.trouble.clear()
    assert None not in provider("lite").locate(public(11))
    assert {server.asked[address] for address in kept} == {1}


def test_lite_stops_asking_at_the_first_refusal(
    server: IpinfoServer, provider: MakeProvider
) -> None:
    for address in public(5000):
        server.trouble[address] = Trouble(429, headers={"Retry-After": "86400"})
    with pytest.raises(ServiceError, match="5,000 are left"):
        provider("lite").locate(public(5000))
    assert len(server.requests) <= 20


def test_a_quoted_reply_contains_no_addresses(
    server: IpinfoServer, provider: MakeProvider
) -> None:
    server.trouble["9.9.9.9"] = Trouble(404, "what of 9.9.9.9, or 2001:db8::1?")
    with pytest.raises(ServiceError, match="what of address-removed, or") as refused:
        provider().locate(["9.9.9.9"])
    assert "9.9.9.9" not in str(refused.value)
    assert "2001:db8" not in str(refused.value)


@pytest.mark.parametrize("error", [{"status": 429, "error": {}}, {"error": "oops"}])
def test_an_error_in_a_batch_is_not_kept_as_an_answer(
    server: IpinfoServer,
    provider: MakeProvider,
    cached: ReadCache,
    error: dict[str, Any],
) -> None:
    server.replies["9.9.9.9"] = error
    with pytest.raises(ServiceError, match="about an address.* 2 addresses were answ"):
        provider().locate(["8.8.8.8", "9.9.9.9", "1.1.1.1"])
    assert cached().keys() == {"8.8.8.8", "1.1.1.1"}


@pytest.mark.parametrize(
    ("plan", "status"),
    [("full", 429), ("lite", 403), ("lite", 429), ("lite", 500), ("lite", 200)],
)
def test_leave_null_goes_on_without_the_rest_and_says_how_many(
    server: IpinfoServer,
    provider: MakeProvider,
    caplog: pytest.LogCaptureFixture,
    plan: str,
    status: int,
) -> None:
    asked = public(1010) if plan == "full" else public(40)
    server.trouble[asked[-1]] = Trouble(status)
    run = provider(plan, leave_null=True)
    found = run.locate(asked)
    left = found.count(None)
    assert left == 10 or plan == "lite"
    assert found[0] is not None
    assert found[-1] is None
    assert run.facts()["unanswered"] == str(left)
    assert f"{left} are left: these stay without location" in caplog.text
    server.trouble.clear()
    assert None not in provider(plan).locate(asked)
    assert server.asked[asked[0]] == 1


def test_a_service_that_is_not_there(
    server: IpinfoServer, provider: MakeProvider
) -> None:
    run = provider()
    server.server_close()
    with pytest.raises(ServiceError, match="connection to ipinfo failed"):
        run.locate(["8.8.8.8"])


def test_a_bug_is_not_a_refusal_and_stops_the_requests(
    server: IpinfoServer, provider: MakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("usage_metrics.geocode.ipinfo_service.sort", broken)
    with pytest.raises(ZeroDivisionError):
        provider("lite").locate(public(300))
    assert len(server.requests) < 300


# The token


@each_plan
def test_the_token_is_nowhere_but_in_the_header(
    server: IpinfoServer,
    provider: MakeProvider,
    waits: list[float],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    plan: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    server.next.append(Trouble(503, f"bad token {TOKEN}"))
    run = provider(plan)
    run.locate(["8.8.8.8"])
    server.tokens.clear()
    with pytest.raises(ConfigError) as caught:
        run.locate(["9.9.9.9"])
    chain = [caught.value, caught.value.__cause__]
    files = [file.read_bytes() for file in (tmp_path / "cache").iterdir()]
    assert "Bearer ***" in str(caught.value)
    for text in (*map(repr, chain), caplog.text, repr(run), repr(vars(run)), *files):
        assert TOKEN not in str(text)


@each_plan
def test_a_netrc_does_not_replace_the_token(
    provider: MakeProvider, plan: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert located(provider(plan)).country == "US"


# Several processes

RUN = """
import datetime as dt, sys
from pathlib import Path
from usage_metrics.geocode.cache import LockedShelf
from usage_metrics.geocode.ipinfo import IpinfoProvider
from usage_metrics.geocode.ipinfo_service import PLANS, IpinfoService

url, path, token, plan, count = sys.argv[1:]
addresses = [f"8.0.{n >> 8}.{n & 255}" for n in range(int(count))]
service = IpinfoService(token, PLANS[plan], endpoint=url)
run = IpinfoProvider(service, LockedShelf(Path(path)))
found = run.locate([*addresses, "", "-", "10.0.0.1", "::ffff:8.8.8.8", "garbage"])
print(sum(location.country_name == "United States" for location in found))
"""


@pytest.fixture
def start(server: IpinfoServer, tmp_path: Path) -> Iterator[Start]:
    """Start runs in other processes, which end with the test at the latest."""
    with contextlib.ExitStack() as stack:

        def start(plan: str, count: int) -> subprocess.Popen[str]:
            arguments = (server.url, tmp_path / "ipinfo", TOKEN, plan, count)
            process = subprocess.Popen(
                [sys.executable, "-c", RUN, *map(str, arguments)],
                stdout=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield start


@pytest.mark.parametrize(("plan", "requests"), [("full", 4), ("lite", 100)])
def test_concurrent_processes_ask_for_each_address_once(
    server: IpinfoServer, start: Start, plan: str, requests: int
) -> None:
    count = 3002 if plan == "full" else 100
    runs = [start(plan, count) for _ in range(3)]
    assert [run.communicate()[0] for run in runs] == [f"{count}\n"] * 3
    assert server.asked == Counter(public(count))
    assert len(server.requests) == requests


def test_a_killed_run_loses_no_batch_that_was_answered(
    server: IpinfoServer, start: Start
) -> None:
    server.slow.add(public(2001)[-1])
    run = start("full", 2001)
    while len(server.requests) < 3 and run.poll() is None:
        server.closed.wait(0.01)
    run.kill()
    run.communicate()
    server.slow.clear()
    assert start("full", 2001).communicate()[0] == "2001\n"
    assert server.asked == Counter(public(2001)) + Counter(public(2001)[-1:])


@pytest.mark.parametrize("answered", [1, 7, 25])
def test_a_kill_loses_no_answer_that_was_paid_for(
    server: IpinfoServer, start: Start, tmp_path: Path, answered: int
) -> None:
    asked = public(60)
    server.slow.update(asked[answered:])  # the others wait for ever
    run = start("lite", 60)

    def kept() -> int:
        return sum(len(Journal(f).read()) for f in tmp_path.glob("ipinfo.*.journal"))

    in_flight = PLANS["lite"].in_flight
    while len(server.requests) < answered + in_flight or kept() < answered:
        assert run.poll() is None
        server.closed.wait(0.01)
    run.kill()
    run.communicate()
    server.slow.clear()
    server.requests.clear()
    assert start("lite", 60).communicate()[0] == "60\n"
    assert server.asked == Counter(asked[answered:])
    assert not list(tmp_path.glob("ipinfo.*.journal"))


# The settings


@pytest.fixture
def configure(
    server: IpinfoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Configure]:
    luigi_settings = luigi.configuration.get_config()

    def configure(**values: str) -> None:
        monkeypatch.setenv("IPINFO_TOKEN", TOKEN)
        defaults = {"endpoint": server.url, "cache": str(tmp_path / "cache" / "ipinfo")}
        for key, value in (defaults | values).items():
            luigi_settings.set("ipinfo", key, value)
        Register.clear_instance_cache()

    yield configure
    luigi_settings.remove_section("ipinfo")
    Register.clear_instance_cache()


@each_plan
def test_the_settings_make_a_provider(
    configure: Configure, plan: str, tmp_path: Path
) -> None:
    configure(plan=plan)
    location = located(IpinfoProvider.from_config())
    assert str(location.located_by).startswith(f"ipinfo {plan} ")
    assert list((tmp_path / "cache").glob("ipinfo.*"))


def test_the_facts_say_who_the_data_are_from(configure: Configure) -> None:
    configure(plan="lite")
    run = IpinfoProvider.from_config()
    run.locate(["8.8.8.8"])
    assert run.facts() == {
        "provider": "ipinfo",
        "plan": "lite",
        "attribution": "IP address data powered by IPinfo (https://ipinfo.io)",
        "unanswered": "0",
    }


def test_when_refused_is_a_setting(configure: Configure, server: IpinfoServer) -> None:
    configure(when_refused="leave_null", attempts="1", plan="lite")
    server.trouble["8.8.8.8"] = Trouble(429)
    assert IpinfoProvider.from_config().locate(["8.8.8.8"]) == [None]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("attempts", "0"),
        ("timeout", "0"),
        ("timeout", "nan"),
        ("cache_days", "0"),
        ("cache_days", "99999999"),
        ("endpoint", "ipinfo.example.org"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(
    configure: Configure, key: str, value: str
) -> None:
    configure(**{key: value})
    with pytest.raises(ConfigError, match=rf"\[ipinfo\] {key} = .*(must|cannot) be"):
        IpinfoProvider.from_config()


def test_a_missing_token_is_an_error_that_says_where_to_get_one(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure()
    monkeypatch.delenv("IPINFO_TOKEN")
    with pytest.raises(ConfigError, match=r"https://ipinfo\.io/dashboard/token"):
        IpinfoProvider.from_config()


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "tökén", "a\x00b"])
def test_an_impossible_token_is_an_error_that_does_not_show_it(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    configure()
    monkeypatch.setattr(os, "environ", {**os.environ, "IPINFO_TOKEN": token})
    with pytest.raises(ConfigError, match="IPINFO_TOKEN") as caught:
        IpinfoProvider.from_config()
    assert token not in str(caught.value)
