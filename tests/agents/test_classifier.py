"""Who asked, from the user agent: the rules, their order, and what always holds."""

from pathlib import Path

import hypothesis.strategies as st
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings

from usage_metrics.agents.classifier import AGENT, AgentSettings, classify
from usage_metrics.agents.lists import LISTS, OWN, RobotList, list_versions
from usage_metrics.agents.rules import (
    CLASSES,
    Rule,
    own_rules,
    own_table,
    parse_rules,
    version_of,
)
from usage_metrics.errors import ConfigError, StorageError
from usage_metrics.maintenance.people_agents import people

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/130.0.0.0 Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1"
)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
HEADLESS = CHROME.replace("Chrome/", "HeadlessChrome/")
BINGBOT = "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"
GPTBOT = "Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"

OWN_RULES = [rule for rules in own_rules().values() for rule in rules]


def who(agent: str | None, known: AgentSettings | None = None) -> dict[str, str | None]:
    """What is said of one user agent."""
    agents = pa.array([agent], pa.string())
    table = classify(agents, known) if known else classify(agents)
    row: dict[str, str | None]
    (row,) = table.to_pylist()
    return row


@pytest.mark.parametrize("rule", OWN_RULES, ids=lambda rule: rule.label)
def test_the_example_of_every_rule_of_ours_is_decided_by_that_rule(rule: Rule) -> None:
    said = who(rule.example)

    assert said["agent_rule"] == rule.source
    assert said["agent_class"] == rule.agent_class
    assert said["agent_kind"] == rule.kind
    assert said["agent_name"] == rule.name or not rule.name


def test_the_rules_of_ours_have_labels_of_their_own() -> None:
    labels = [rule.label for rule in OWN_RULES]

    assert len(labels) == len(set(labels))


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("curl/8.10.1", "curl"),
        ("Wget/1.21.4", "Wget"),
        ("python-requests/2.32.3", "requests"),
        ("python-requests/2.6.0 CPython/2.7.5 Linux/3.10.0", "requests"),
        ("python-httpx/0.27.2", "HTTPX"),
        ("Python/3.11 aiohttp/3.10.9", "aiohttp"),
        ("Python-urllib/3.11", "urllib"),
        ("python-urllib3/2.2.3", "urllib3"),
        ("Boto3/1.35.36 md/Botocore#1.35.36 lang/python#3.11.9", "boto3"),
        ("aiobotocore/2.15.1 Python/3.11 Linux/5.10 botocore/1.35", "boto3"),
        ("aws-cli/2.17.62 Python/3.12.6 Linux/5.10 exe/x86_64", "AWS CLI"),
        ("s3fs/1.94 (commit hash unknown; OpenSSL)", "s3fs"),
        ("apitools Python/3.11 gsutil/5.30 (linux) command/cp", "gsutil"),
        ("libcurl/8.9.1 r-curl/5.2.3 httr/1.4.7", "R"),
        ("httr2/1.0.5 r-curl/5.2.3 libcurl/8.9.1", "R"),
        ("R (4.4.1 x86_64-pc-linux-gnu x86_64 linux-gnu)", "R"),
        ("r-arrow/17.0.0", "PyArrow"),
        ("aws-sdk-cpp/1.11.321 Linux/5.15.0 x86_64 GCC/13.2.0", "AWS SDK"),
        ("HTTP.jl/1.10.8", "Julia"),
        ("curl/8.6.0 julia/1.10", "Julia"),
        ("Go-http-client/1.1", "Go"),
        ("Java/17.0.12", "Java"),
        ("Java/1.8.0_472", "Java"),
        ("Apache-HttpClient/4.5.14 (Java/17.0.7)", "Java"),
        ("duckdb/v1.4.1(linux_amd64) python", "DuckDB"),
        ("DuckDB/1.1.3", "DuckDB"),
        ("polars/1.9.0", "Polars"),
        ("object_store/0.11.0", "object_store"),
        ("pandas/2.2.3", "pandas"),
        ("intake/0.7.0", "intake"),
        ("fsspec/2024.9.0", "fsspec"),
        ("my-tool/0.1/Python 3.11.8", "Python"),
        ("got (https://github.com/sindresorhus/got)", "Node.js"),
        ("node-fetch/1.0 (+https://github.com/bitinn/node-fetch)", "Node.js"),
    ],
)
def test_a_data_client_is_a_machine_though_lists_call_it_a_robot(
    agent: str, name: str
) -> None:
    said = who(agent)

    assert said["agent_class"] == "machine"
    assert said["agent_name"] == name


@pytest.mark.parametrize(
    "agent",
    [
        "python-requests/2.32.3 (+https://example.org/our-crawler)",
        "curl/8.10.1 ExampleBot/1.0",
        "Java/17.0.12 spider",
        "http.rb/2.2.2 (Mastodon/1.6.1; +https://social.example.org/)",
        "hackney/1.6.6, Mozilla/5.0 (Windows NT 6.1; rv:29.0) Firefox/29.0",
    ],
)
def test_a_client_that_says_it_is_a_robot_is_one(agent: str) -> None:
    assert who(agent)["agent_class"] == "robot"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("python-requests/2.32.3 (thesis; mailto:student@example.edu)", "requests"),
        ("Go-http-client/2.0 someone@example.org", "Go"),
        ("ckanapi/4.8 (+https://github.com/ckan/ckanapi)", "Open Data tools"),
        ("openml-python/0.15.1", "Open Data tools"),
        ("newthing-python/0.1", "newthing-python"),
        ("PlantStudy/0.1 (https://example.edu; a@example.edu) curl/8.5", "PlantStudy"),
        ("ExampleTool/1.0 (+https://github.com/example/tool)", "ExampleTool"),
        ("ExampleTool/1.0 (mailto:someone@example.org)", "ExampleTool"),
    ],
)
def test_a_script_may_name_its_language_a_project_or_a_contact(
    agent: str, name: str
) -> None:
    said = who(agent)

    assert (said["agent_class"], said["agent_name"]) == ("machine", name)


@pytest.mark.parametrize(
    "agent",
    [
        "mountpoint-s3/1.21.0 mountpoint-s3-client/0.19.0 ua/2.1 os/linux lang/rust",
        "gcsfuse/3.3.0 (GPN:gcsfuse-DLVM) (Cfg:0:0:0:0:0:0)",
        "Mozilla/4.0 (compatible; Win32; WinHttp.WinHttpRequest.5)",
        "Microsoft.Data.Mashup (http://go.microsoft.com/fwlink/?LinkID=304225)",
        "unknown/None; hf_hub/0.35.3; python/3.12.3; torch/2.8.0",
        "[aws-cli/2.15.0 Python/3.11.6 Linux/5.10 exe/x86_64.amzn.2 command/s3.ls]",
        "twine/4.0.2 CPython/3.9.16",
        "earthaccess v0.15.1",
        "Geosaurus/2.4.2",
    ],
)
def test_data_clients_are_machines_in_all_the_forms_they_come_in(agent: str) -> None:
    assert who(agent)["agent_class"] == "machine"


@pytest.mark.parametrize(
    "agent",
    [
        "ExampleClient/180B(9704)",
        "example/http-client @ 4.x",
        "Example Ruby Gem 6.1.1",
        "Example CLI 2.40.1",
        "OfficialExampleSDKv2/11.36.2",
        "example-tools",
        "libexample/2.9 (3 threads)",
        "http4example-blaze/0.23",
        "example-api-python-wrapper",
        "example/6.10.0;python",
        "box-python-sdk-3.7.2",
    ],
)
def test_the_name_of_a_library_a_tool_or_a_language_makes_a_machine(
    agent: str,
) -> None:
    assert who(agent)["agent_class"] == "machine"


@pytest.mark.parametrize(
    "platform", ["(linux; amd64)", "(darwin/arm64)", "(windows, x86_64) go1.22"]
)
def test_a_program_that_names_system_and_processor_is_a_machine(platform: str) -> None:
    assert who(f"exampletool/1.2 {platform}")["agent_class"] == "machine"
    url = f"exampletool/1.2 {platform} (+https://example.org/about)"
    assert who(url)["agent_class"] == "robot"


@pytest.mark.parametrize(
    "agent",
    [
        "ExampleHttpStatus/1.0",
        "Example HTTP Banner Detection",
        "example-seo-client/1.0",
        "ExampleIndexer/1.0 python",
        "example_probe_python/2.0",
        "Example Sitemap Client/1.0",
    ],
)
def test_a_robot_may_be_written_with_a_library_whose_name_it_bears(agent: str) -> None:
    assert who(agent)["agent_class"] != "machine"


def test_the_version_of_curl_in_brackets_is_no_command() -> None:
    said = who("Composer/2.5.8 (Linux; 5.15.0; PHP 8.2.7; cURL 7.88.1)")

    assert (said["agent_class"], said["agent_name"]) == ("machine", "Composer")
    assert who("x; curl 192.0.2.1/a")["agent_kind"] == "attack"
    assert who("x; curl example.org/a")["agent_kind"] == "attack"
    assert who("x; curl -s http://example.org")["agent_kind"] == "attack"


def test_a_page_read_without_a_screen_by_a_script_is_read_by_a_machine() -> None:
    agent = "Mozilla/5.0 (linux) AppleWebKit/537.36 (KHTML, like Gecko) {}/25.0"

    assert who(agent.format("jsdom"))["agent_class"] == "machine"
    assert who(agent.format("PhantomJS"))["agent_class"] == "robot"


@pytest.mark.parametrize(
    ("agent", "agent_class"),
    [
        ("ExampleTV/2.1 (Linux; Tizen 6.0) libcurl/7.88.1", "human"),
        ("otg/1.5.1 (AppleTv Apple TV 4; tvOS16.2) libcurl/7.58.0", "human"),
        ("HTC Butterfly; 4.1.1; JRO03C; de-de", "human"),
        ("Nokia SyncML HTTP Client", "human"),
        ("Samsung Example Android_SDK", "human"),
        ("ExampleApp/2.12 (All) Android/2.3.6 (ARMv7) okhttp/3.1", "unknown"),
        ("NCSA_Mosaic/2.7b5 (X11;Linux 2.6.7 i686) libwww/2.12", "human"),
        (
            "DoCoMo/2.0 P900i(c100;TB) (compatible; ExampleSearch; +http://example.org)",
            "robot",
        ),
    ],
)
def test_the_library_within_an_app_of_a_phone_or_television_makes_no_machine(
    agent: str, agent_class: str
) -> None:
    assert who(agent)["agent_class"] == agent_class


@pytest.mark.parametrize(
    "ending",
    [
        "Viber/14.7.0.4",
        "Code/1.85.1 Chrome/114.0.5735.289 Electron/25.9.7 Safari/537.36",
        "Slack/4.39.90 Chrome/127.0.6533.72 Electron/13.1.9 Safari/537.36",
        "WhatsApp/0.2.4238 Chrome/53.0.2785.143 Electron/1.4.12 Safari/537.36",
        "Mobile/22G100 Safari/604.1 MetaIAB Facebook",
        "Version/11.0 MQQBrowser/8.6.1 Mobile/15B87 MttCustomUA/2 QBWebViewType/1",
        "Mobile/15E148 DaumApps/7.5.1 DaumDevice/mobile",
        "1Password/7.0.3 (like Version/11.1.2 Mobile/15B202 Safari/600.1.4)",
        "Chrome/43.0.2272.76 Safari/537.36 Seznam.cz/2.0.5",
        "Kobo eReader Safari/538.1",
    ],
)
def test_an_app_that_shows_pages_is_a_person_though_lists_name_it(ending: str) -> None:
    agent = (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 "
        f"(KHTML, like Gecko) {ending}"
    )

    assert who(agent)["agent_class"] == "human"


@pytest.mark.parametrize(
    "agent",
    [
        "Opera/9.80 (MAUI Runtime; Opera Mini/4.4.39008/61.445; U; hi) Presto/2.12",
        "itunesstored/1.0 iOS/15.6.1 model/iPad13,8 build/19G82 (5; dt:238)",
        "Mozilla/5.0 (Windows NT 6.3; rv:50.0) Gecko/20100101 Firefox/50 FirePHP/0.7",
        "iBrowser/2.8 Mozilla/5.0 (Linux; Android 4.4.2; itel) AppleWebKit/537.36",
        "Surf/0.4.1 (X11; U; Unix; en-US) AppleWebKit/531.2+",
        "Mozilla/4.0 (jig browser web; 1.0.4; N905i)",
    ],
)
def test_a_pattern_of_a_list_does_not_match_within_a_word(agent: str) -> None:
    assert who(agent)["agent_class"] in ("human", "unknown")


@pytest.mark.parametrize(
    "device",
    [
        "compatible; ExampleThing/1.0",
        "Nexus 5X Build/MMB29P; examplebot",
        "Pixel 7; +https://example.org",
        "K; someone@example.org",
        "Examplebot/2.1",
    ],
)
def test_a_robot_in_the_place_of_a_phones_model_is_found(device: str) -> None:
    agent = (
        f"Mozilla/5.0 (Linux; Android 13; {device}) AppleWebKit/537.36 (KHTML, like "
        "Gecko) Chrome/120.0.0.0 Mobile Safari/537.36"
    )

    assert who(agent)["agent_class"] == "robot"


@pytest.mark.parametrize(
    "agent",
    [
        "https://github.com/example/examplepackage",
        "Mozilla/5.0 (example R package)",
        "example R package",
        "rOpenSci(example/3.7.0)",
        "example-R/1.0 crul/1.4.0",
        "example/Version1.0.0 (+https://github.com/example)",
        "example/2.0.2 (https://example.readthedocs.io)",
        "EXAMPLE-STUDY (mailto:someone@example.org)",
        "Progress/8.0 (SparkSQL ODBC driver)",
        "MS Web Services Client Protocol 1.0.3705.0",
        "Rust (example crate, 0.1.2 - https://github.com/example/example)",
        "Mozilla/5.0 (Linux x64) node.js/16.14.2",
        "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Excel 16.0.16130; Pro)",
    ],
)
def test_packages_drivers_and_spreadsheets_are_machines_as_they_name_themselves(
    agent: str,
) -> None:
    assert who(agent)["agent_class"] == "machine"


def test_a_robot_that_only_names_its_project_is_none_of_them() -> None:
    assert (
        who("Example (+https://github.com/example/example)")["agent_class"] == "robot"
    )


@pytest.mark.parametrize(
    "agent",
    [
        "ExampleNews-iOS/13.8 CFNetwork/1.0 Darwin/24.5.0",
        "ExampleAndroid/7.71.1-release.15 (8900196) TA-1028/8.0.0",
        "Mozilla/5.0 (Android) Examplecloud-android/3.24.2",
        "ExampleReader iPhone App v3.6",
        "Example http client/11.3.8(421) (Android)",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X) Word/14.47.0",
        "AndroidDownloadManager",
    ],
)
def test_an_app_that_names_the_phone_it_is_for_is_a_person(agent: str) -> None:
    assert who(agent)["agent_class"] == "human"


def test_a_word_that_ends_like_the_system_of_a_phone_names_no_app() -> None:
    assert who("examplestudios/1.0")["agent_class"] == "unknown"
    said = who("Example crawler - looking for an iOS app. Contact a@example.com")
    assert said["agent_class"] == "robot"


@pytest.mark.parametrize(
    "device",
    [
        "GT-S5830 - Forum: http://forum.example.org Build/GRWK74",
        "LG-P698 Build/someone@example-droid.rev3",
        "AliyunOS 2.0; Android 4.0 Compatible; xx; R819T Build/AliyunOs-2012",
        "HTC Incredible Build/htc_runnymede-user 2.3.5 GRJ90",
    ],
)
def test_an_address_in_the_name_of_a_model_or_build_makes_no_robot(device: str) -> None:
    agent = (
        f"Mozilla/5.0 (Linux; U; Android 2.3.6; de-de; {device}) AppleWebKit/533.1 "
        "(KHTML, like Gecko) Version/4.0 Mobile Safari/533.1"
    )

    assert who(agent)["agent_class"] == "human"


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (http://intranet.example.org/; Windows NT 6.1; Trident/7.0; "
        "rv:11.0) like Gecko",
        "Mozilla/5.0 (Windows NT 6.1; Trident/7.0; example.com; "
        "https://in.example.com; rv:11.0) like Gecko",
        "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.1; from: http://www.bsalsa.com/)",
        "Mozilla/4.0 (compatible; MSIE 6.0; Windows 98; Alexa Toolbar)",
        "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; Example.com; .NET CLR 1)",
        "Mozilla/5.0 (compatible; MSIE 9.0; Windows NT 6.2; Microsoft Outlook 15)",
        "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; User-agent: Mozilla/4.0 "
        "(compatible; MSIE 6.0; Windows NT 5.1; SV1); .NET CLR 1.0.3705)",
        "Opera/5.02 (Macintosh; U; id)",
        "Example Browser/5.05 (Java 1.4.0; Windows 2000 5.0 x86)",
        f"{CHROME} AviraScout/16.6.2704.24",
        f"{CHROME} Viber",
    ],
)
def test_what_firms_toolbars_and_apps_add_to_a_browser_makes_no_robot(
    agent: str,
) -> None:
    assert who(agent)["agent_class"] == "human"


@pytest.mark.parametrize(
    "addition", ["BingPreview/1.0b", "Examplebot/1.0", "+http://example.org/about"]
)
def test_a_robot_in_the_brackets_of_internet_explorer_is_found(addition: str) -> None:
    agent = f"Mozilla/5.0 (Windows NT 6.3; Trident/7.0; rv:11.0; {addition}) like Gecko"

    assert who(agent)["agent_class"] == "robot"


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/3.0 (DreamPassport/3.15; SEGA/VF.NET)",
        "Mozilla/5.0 (Danger hiptop 4.6; U; rv:1.7.12) Gecko/20050920",
        "Mozilla/1.22 (compatible; MMEF20; Cellphone; Sony CMD-J5)",
        "Mozilla/4.5 (Screen=240x320x64K; InputMethod=PEN; Product=CASIO/BE)",
        "Mozilla/5.0 (Canon Example;IR-S/3.0.0) CoralWebkit/2.0.0(KHTML, like Gecko)",
        "Mozilla/4.0 (compatible; snom760-SIP 8.8.2.16)",
        "HTC TyTN || P4550",
        'BlackBerry (4.3)"  User-Agent: BlackBerry8330/4.3.0 Profile/MIDP-2.0',
    ],
)
def test_a_device_that_names_no_common_system_is_a_person(agent: str) -> None:
    assert who(agent)["agent_class"] == "human"


def test_a_browser_of_the_nineties_that_nobody_knows_is_unknown() -> None:
    assert who("Mozilla/3.0 (ExampleFront/2.6)")["agent_class"] == "unknown"
    assert who("Mozilla/4.0 (compatible; ExampleThing)")["agent_class"] == "robot"
    assert who("Mozilla/4.0")["agent_class"] == "robot"


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; {}; SV1)",
        "Mozilla/5.0 (Macintosh: Intel Mac OS X 10_15_5) AppleWebKit/605.1.15 (KHTML, "
        "like Gecko) Version/14.0.3 Safari/605.1.15",
        "Shamrock User Agent",
    ],
)
def test_what_only_a_program_writes_for_a_browser_is_a_robot(agent: str) -> None:
    assert who(agent)["agent_class"] == "robot"


@pytest.mark.parametrize(
    "injection",
    [
        "' OR '1'='1",
        "1 AND SLEEP(5)",
        "-1 OR 2+5-5-1=0+0+0+1 --",
        "'; WAITFOR DELAY '0:0:5'--",
        "(select(0)from(select(sleep(15)))v)",
        "'XOR(if(now()=sysdate(),sleep(15),0))XOR'Z",
        "'||DBMS_PIPE.RECEIVE_MESSAGE(CHR(98),15)||'",
        '"><img src=x onerror=alert(1)>',
        "${jndi:ldap://192.0.2.1/a}",
        "{{7*7}}",
        "() { :;}; /bin/bash -c id",
        "| cat /etc/passwd",
        "../../../../windows/win.ini",
        "AND 4321=4322",
    ],
)
@pytest.mark.parametrize("browser", [CHROME, FIREFOX, "", "python-requests/2.32"])
def test_an_injection_is_an_attack_whoever_it_claims_to_be(
    browser: str, injection: str
) -> None:
    said = who(browser + injection)

    assert (said["agent_class"], said["agent_kind"]) == ("robot", "attack")


@pytest.mark.parametrize("command", [";id", "|id", "&& whoami"])
def test_a_command_in_the_brackets_of_a_browser_is_an_attack(command: str) -> None:
    assert who(f"Mozilla/5.0 (X11; Linux{command})")["agent_kind"] == "attack"


def test_what_nobody_knows_after_a_whole_browser_makes_it_unknown() -> None:
    inside = CHROME.replace("x64)", "x64; ExampleThing/1.0)")
    before = CHROME.replace("Chrome/", "ExampleThing/1.0 Chrome/")

    for agent in f"{CHROME} ExampleThing/1.0", inside, before:
        assert who(agent)["agent_class"] == "unknown", agent
    assert who(f"{CHROME} Viber/14.7")["agent_class"] == "human"
    assert who(f"{CHROME} ExampleBrowser/1.0")["agent_class"] == "human"
    assert who(f"{CHROME} ExampleAgent/1.0")["agent_class"] == "robot"
    assert who(f"{CHROME} Example/1.0 (example.org)")["agent_class"] == "robot"


@pytest.mark.parametrize("agent", [None, "", "-", " ", '"-"', "null", "undefined"])
def test_no_user_agent_is_unknown_and_never_a_person(agent: str | None) -> None:
    said = who(agent)

    assert said["agent_class"] == "unknown"
    assert said["agent_name"] is None


@pytest.mark.parametrize(
    "agent",
    [
        "Foo/1.0",
        "Dalvik/2.1.0 (Linux; U; Android 9; SM-G960F Build/PPR1.180610.011)",
        "MobileSafari/9537.53 CFNetwork/672.0.2 Darwin/14.0.0",
    ],
)
def test_what_could_be_an_app_or_a_robot_is_unknown(agent: str) -> None:
    assert who(agent)["agent_class"] == "unknown"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (CHROME, "Chrome"),
        (IPHONE, "Safari"),
        (f"{CHROME} Edg/130.0.0.0", "Edge"),
        (f"{CHROME} (Ecosia android@88.0.4324.181)", "Ecosia"),
        (FIREFOX, "Firefox"),
    ],
)
def test_a_browser_is_a_person(agent: str, name: str) -> None:
    said = who(agent)

    assert (said["agent_class"], said["agent_kind"]) == ("human", "browser")
    assert said["agent_name"] == name


@pytest.mark.parametrize(
    ("agent", "agent_class", "name"),
    [
        (
            "Mozilla/5.0 (Windows NT 6.1; rv:24.0) Gecko/20100101 Thunderbird/24.5.0 "
            "Lightning/2.6.5",
            "human",
            "Thunderbird",
        ),
        ("NING/1.0 (NING; http://www.ning.com/)", "robot", "NING"),
        ("fetch libfetch/2.0", "machine", "fetch"),
        ("Microsoft Office Protocol Discovery", "machine", "Microsoft Office"),
        ("Microsoft Office Existence Discovery", "machine", "Microsoft Office"),
        (
            "TikTok 17.8.1 rv:178102 (iPhone; iOS 14.1; ja_JP) Cronet",
            "human",
            "phone app",
        ),
    ],
)
def test_what_a_list_would_take_for_another_is_told_apart(
    agent: str, agent_class: str, name: str
) -> None:
    said = who(agent)

    assert (said["agent_class"], said["agent_name"]) == (agent_class, name)


@pytest.mark.parametrize(
    "model", ["CUBOT NOTE S", "M BOT 551", "Panasonic ELUGA", "GLX Spider1S", "Titan 2"]
)
def test_the_model_of_a_phone_makes_no_robot(model: str) -> None:
    agent = (
        f"Mozilla/5.0 (Linux; Android 9; {model} Build/PPR1) AppleWebKit/537.36 "
        "(KHTML, like Gecko) Chrome/89.0.4389.105 Mobile Safari/537.36"
    )

    assert who(agent)["agent_class"] == "human"


def test_slcc2_in_old_internet_explorers_is_not_the_robot_lcc() -> None:
    agent = "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; SLCC2)"

    assert who(agent)["agent_class"] == "human"


@pytest.mark.parametrize(
    ("agent", "name", "kind"),
    [
        (GOOGLEBOT, "Googlebot", "search"),
        (f"{CHROME} (compatible; Googlebot/2.1; +http://x)", "Googlebot", "search"),
        (BINGBOT, "bingbot", "search"),
        (GPTBOT, "GPTBot", "AI training"),
        (HEADLESS, "Headless Chrome", "automated browser"),
        ("SomethingNew-Spider/1.0", "SomethingNew-Spider", None),
        ("SomethingNew/1.0 (+https://example.org/about)", "SomethingNew", None),
    ],
)
def test_a_robot_has_its_name_and_kind(agent: str, name: str, kind: str | None) -> None:
    said = who(agent)

    assert said["agent_class"] == "robot"
    assert (said["agent_name"], said["agent_kind"]) == (name, kind)


def test_a_rule_names_its_list_and_the_version() -> None:
    version = list_versions()["crawler-user-agents"]

    assert (
        who(GOOGLEBOT)["agent_rule"] == f"crawler-user-agents {version}: Googlebot\\/"
    )


def test_our_own_rules_have_a_version_that_changes_with_them() -> None:
    assert list_versions()[OWN] == version_of(own_table())
    assert version_of(own_table() + "#") != list_versions()[OWN]


def test_counters_list_decides_only_where_nothing_else_does() -> None:
    assert "counter-robots" in str(who("almaden/1.0")["agent_rule"])
    assert "counter-robots" not in str(who(GOOGLEBOT)["agent_rule"])


@pytest.mark.parametrize(
    ("robots", "pattern"),
    [(robots, pattern) for robots in LISTS for pattern in robots.set_aside],
    ids=lambda value: getattr(value, "package", value),
)
def test_a_pattern_is_set_aside_because_it_matches_a_persons_agent(
    robots: RobotList, pattern: str
) -> None:
    agent = robots.set_aside[pattern]
    matched = pc.match_substring_regex(pa.array([agent]), pattern, ignore_case=True)

    assert matched.to_pylist() == [True]
    assert who(agent)["agent_class"] in ("human", "unknown")


def test_our_own_monitors_are_internal_before_anything_else() -> None:
    known = AgentSettings(internal_agents=("GoogleHC", "our-checker"))

    said = who("curl/8.10.1 our-checker/2", known)

    assert said["agent_class"] == "internal"
    assert said["agent_rule"] == "setting internal_agents: our-checker"
    assert who("GoogleHC/1.0", known)["agent_class"] == "internal"
    assert who("GoogleHC/1.0")["agent_class"] == "robot"


def test_a_data_client_of_the_field_can_be_added() -> None:
    known = AgentSettings(data_clients=("PUDL Viewer",))

    said = who("PUDL Viewer/3.1 (linux)", known)

    assert (said["agent_class"], said["agent_name"]) == ("machine", "PUDL Viewer")
    assert who("See PUDL Viewer/3.1", known)["agent_class"] != "machine"


@pytest.mark.parametrize(
    "agent", ["PlantBot/1.0 (+https://example.org/bot)", "Mozilla/5.0 crawler 1"]
)
def test_a_data_client_of_the_settings_wins_over_every_rule(agent: str) -> None:
    known = AgentSettings(data_clients=("PlantBot", "Mozilla/5.0 crawler"))

    assert who(agent)["agent_class"] == "robot"
    assert who(agent, known)["agent_class"] == "machine"


def test_the_table_has_the_declared_columns_and_a_row_for_each_agent() -> None:
    table = classify(pa.array(["curl/8", None, "curl/8"]))

    assert table.schema == AGENT
    assert table.num_rows == 3
    assert classify(pa.array([], pa.string())).schema == AGENT


@given(agent=st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_text_gets_exactly_one_class_and_a_rule(agent: str) -> None:
    said = who(agent)

    assert said["agent_class"] in CLASSES
    assert said["agent_rule"]


AGENTS = st.sampled_from([rule.example for rule in OWN_RULES] + [CHROME, GOOGLEBOT])


@given(agent=AGENTS | st.text(st.characters(codec="ascii"), max_size=60))
@settings(max_examples=200, deadline=None)
def test_capitals_do_not_change_the_class(agent: str) -> None:
    classes = {who(text)["agent_class"] for text in (agent, agent.upper())}

    assert len(classes) == 1


@given(agent=AGENTS, appended=st.sampled_from([",gzip(gfe)", ", gzip(gfe),gzip(gfe)"]))
@settings(deadline=None)
def test_what_googles_front_end_appends_changes_nothing(
    agent: str, appended: str
) -> None:
    assert who(agent + appended) == who(agent)


def test_a_hostile_text_of_any_length_is_classified() -> None:
    said = who("((((" * 50_000 + "\0" + "a" * 100_000)

    assert said["agent_class"] in CLASSES


def test_a_name_ends_before_an_address_however_much_lies_between() -> None:
    said = who(f"ExampleBot{'!' * 1_000}https")

    assert (said["agent_class"], said["agent_name"]) == ("robot", "ExampleBot")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("client\tmachine\tlibrary", "3 columns instead of 6"),
        ("cleint\tmachine\tk\tn\tp\te", "unknown step 'cleint'"),
        ("client\tmachines\tk\tn\tp\te", "unknown class 'machines'"),
    ],
)
def test_a_bad_line_of_the_table_is_named(line: str, problem: str) -> None:
    with pytest.raises(StorageError, match=f"line 2: .*{problem}"):
        parse_rules(f"# rules\n{line}\n")


def test_a_missing_list_is_named_with_the_command_that_installs_it() -> None:
    robots = RobotList("no-such-list-of-robots", "1.2")

    with pytest.raises(
        ConfigError, match=r"pip install 'no-such-list-of-robots==1\.2'"
    ):
        robots.version()


@pytest.mark.parametrize("reviewed", ["0.4.1", "99"])
def test_a_list_that_nobody_reviewed_is_refused(reviewed: str) -> None:
    robots = RobotList("crawlerdetect", reviewed)

    with pytest.raises(
        ConfigError,
        match=f"not the version that was reviewed, {reviewed}: .*=={reviewed}'",
    ):
        robots.require_reviewed()


@pytest.mark.parametrize("robots", LISTS, ids=lambda robots: robots.package)
def test_a_list_is_installed_exactly_as_it_was_reviewed(robots: RobotList) -> None:
    setup = (Path(__file__).parents[2] / "setup.cfg").read_text()

    assert f"\n    {robots.package} =={robots.reviewed}\n" in setup
    robots.require_reviewed()


def test_no_list_calls_a_browser_or_an_app_on_any_phone_a_robot() -> None:
    said = classify(pa.array(people()))

    classes = pc.value_counts(said["agent_class"]).to_pylist()
    assert classes == [{"values": "human", "counts": len(set(people()))}]


@pytest.mark.parametrize(
    "pattern", [r"AP3A\.240617\.008", r"Viber", r"UKQ1\.230924", r"Cat S52", r"Edg\/1"]
)
def test_the_user_agents_of_people_have_what_a_list_may_grow(pattern: str) -> None:
    grown = pc.match_substring_regex(pa.array(people()), pattern)

    assert pc.any(grown).as_py()
