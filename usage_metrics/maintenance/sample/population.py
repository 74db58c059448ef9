"""Who visits the sample's site, from where, and what they request.

The site is a Datasette at ``https://data.example.org`` that publishes two databases of
the Public Utility Data Liberation project (PUDL), ``pudl`` and ``ferc1``. Every visit
is invented. The addresses are real, because databases have to locate them, but none may
be a person's: they are published resolvers, name servers and web servers of
institutions and hosting companies, ranges that crawlers and monitors publish for their
own robots, and ranges reserved for documentation, which nobody uses.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from random import Random
from typing import NamedTuple
from urllib.parse import quote, quote_plus

SITE = "https://data.example.org"


class Client(NamedTuple):
    """A program and the addresses it calls from; ``{}`` stands for a number."""

    agent: str | None
    addresses: tuple[str, ...]


class Hit(NamedTuple):
    """One request of a visit and the site's answer."""

    path: str
    size: int | None
    status: int = 200
    method: str = "GET"
    referer: str | None = None
    wait: float = 0.2
    """Seconds since the previous request."""


class Visit(NamedTuple):
    """What one client does in one session, from one address."""

    client: Client
    hits: list[Hit]


TABLES = {
    "pudl": (
        "plants_eia860",
        "generators_eia860",
        "utilities_eia860",
        "boiler_generator_assn_eia860",
        "generation_eia923",
        "generation_fuel_eia923",
        "boiler_fuel_eia923",
        "fuel_receipts_costs_eia923",
        "plants_entity_eia",
        "plants_steam_ferc1",
        "fuel_ferc1",
        "plant_in_service_ferc1",
        "demand_hourly_pa_ferc714",
    ),
    "ferc1": (
        "f1_steam",
        "f1_fuel",
        "f1_gnrt_plant",
        "f1_plant_in_srvce",
        "f1_purchased_pwr",
        "f1_respondent_id",
    ),
}
QUERIES = (
    "select state, count(*) from plants_eia860 group by state",
    "select * from generators_eia860 where capacity_mw > 500 limit 100",
    "select report_date, sum(net_generation_mwh) from generation_eia923 "
    "where plant_id_eia = 3 group by report_date order by report_date",
    "select fuel_type_code_pudl, avg(fuel_cost_per_mmbtu) from "
    "fuel_receipts_costs_eia923 where report_date >= '2020-01-01' group by 1",
    "select p.plant_name_eia, g.* from generators_eia860 g join plants_eia860 p "
    'using (plant_id_eia, report_date) where p.state in ("CO", "WY") and g.x = "é"',
)
DATABASE_BYTES = {"pudl": 798_371_840, "ferc1": 521_404_416}
STATIC = (
    ("/-/static/app.css?d59929", 24_411),
    ("/-/static/table.js?8aa2c1", 9_032),
    ("/-/static-plugins/datasette_cluster_map/datasette-cluster-map.js", 6_725),
    ("/static/pudl.js", 4_310),
    ("/static/catalyst-logo.svg", 8_129),
    ("/favicon.ico", 1_208),
)
REFERERS = (None, None, None, "https://www.google.com/", "https://duckduckgo.com/")

INSTITUTIONS = (
    "18.0.72.3",  # MIT, name server
    "128.32.136.3",  # University of California at Berkeley, name server
    "131.243.5.1",  # Lawrence Berkeley National Laboratory, name server
    "171.67.215.200",  # Stanford, web server
    "128.2.42.10",  # Carnegie Mellon, web server
    "205.254.135.7",  # Energy Information Administration, web server
    "129.132.19.216",  # ETH Zürich, web server
    "188.184.21.108",  # CERN, web server
    "131.111.150.25",  # University of Cambridge, web server
    "210.152.243.234",  # University of Tokyo, web server
    "193.0.6.139",  # RIPE NCC, web server
    "2001:67c:2e8:22::c100:68b",  # the same
    "2607:f140:ffff:fffe::3",  # Berkeley, name server
    "2001:1458:201:1000::5",  # CERN, name server
    "2620:0:2d0:200::7",  # ICANN, web server
)
RESOLVERS = (
    "8.8.8.8",
    "1.1.1.1",
    "9.9.9.9",
    "208.67.222.222",
    "2001:4860:4860::8888",
    "2606:4700:4700::1111",
    "2620:fe::fe",
)
HOSTING = (
    "67.207.67.2",  # DigitalOcean, resolver; of no announced network
    "108.61.10.10",  # Vultr, resolver
    "213.186.33.99",  # OVH, resolver
    "52.94.76.5",  # Amazon Web Services, endpoint
    "199.36.153.8",  # Google Cloud, endpoint; of no announced network
    "140.82.112.3",  # GitHub, web server
    "2a01:4f8:0:1::add:1010",  # Hetzner, resolver
)
DOCUMENTATION = ("192.0.2.{}", "198.51.100.{}", "203.0.113.{}", "2001:db8::{}")

BROWSERS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/144.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/19.2 Safari/605.1.15",
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_2 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/19.2 Mobile/15E148 Safari/604.1",
)
SCRIPTS = (
    "python-requests/2.32.5",
    "Python-urllib/3.12",
    "curl/8.14.1",
    "Wget/1.25.0",
    "libcurl/8.14.1 r-curl/7.0.0 httr/1.4.7",
    "duckdb/v1.4.3(linux_amd64) cpp",
    "julia/1.12",
    "Go-http-client/2.0",
)
DOMINATING = Client("python-requests/2.31.0", ("213.133.98.98",))
"""One script at one hosting company (Hetzner; its resolver's address) that sends more
requests than all others together, as one did on the real site."""

CRAWLERS = (
    Client(
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        ("66.249.66.{}", "2001:4860:4801:10::{}"),
    ),
    Client(
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; "
        "+http://www.bing.com/bingbot.htm) Chrome/136.0.0.0 Safari/537.36",
        ("40.77.167.{}",),
    ),
    Client(
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; GPTBot/1.3; "
        "+https://openai.com/gptbot",
        ("20.171.206.{}",),
    ),
    Client(
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; "
        "ClaudeBot/1.0; +claudebot@anthropic.com)",
        ("160.79.104.{}",),
    ),
    Client(
        "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
        ("54.36.148.{}",),
    ),
    Client("CCBot/2.0 (https://commoncrawl.org/faq/)", ("18.97.9.170",)),
    Client(
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        ("2a03:2880:f800:{}::",),
    ),
)
MONITORS = (
    Client("GoogleHC/1.0", ("35.191.0.{}",)),
    Client(
        "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
        ("69.162.124.230", "2607:ff68:107::12"),
    ),
    Client("Google-Cloud-Scheduler", ("10.128.0.{}",)),
)
SCANNER = Client(
    "Mozilla/5.0 (compatible; CensysInspect/1.1; +https://about.censys.io/)",
    ("162.142.125.{}",),
)
HOSTILE = (
    ("Mozilla/5.0", "/pudl?sql=<script>alert('hi')</script>"),
    ("' OR 1=1; DROP TABLE datasette_request_logs; --", "/pudl/plants_eia860.json"),
    ("\u001b[31mred\u001b[0m \u0007bell", "/pudl/plants_eia860.csv?_size=10"),
    ('=HYPERLINK("https://example.org","x"), "quoted", \\ and\ttab', "/ferc1"),
    ("Mozilla/5.0 (compatible; ВебБот/1.0)", "/pudl/centrales_électriques?état=✓"),
    ("curl/8.14.1", "/pudl/plants_eia860?_search=%F0%9F%92%A1+%00%ZZ%E9#fragment"),
    ("Mozilla/5.0", "//example.org/..%2f..%2fetc/passwd"),
    ("sqlmap/1.9", "/pudl?sql=" + quote("select 1 union all " * 80)),
)
PROBES = ("/wp-login.php", "/.env", "/.git/config", "/admin/", "/pudl/no_such_table")


def _path(rng: Random, database: str) -> str:
    return f"/{database}/{rng.choice(TABLES[database])}"


def _database(rng: Random) -> str:
    return rng.choices(["pudl", "ferc1"], [4, 1])[0]


def _page(rng: Random) -> str:
    database = _database(rng)
    table = _path(rng, database)
    return rng.choice(
        [
            f"/{database}",
            table,
            f"{table}?_facet=report_year",
            f"{table}?_sort=report_date&state__exact={rng.choice(['CO', 'TX', 'CA'])}",
            f"{table}/{rng.randrange(1, 9_000)},20{rng.randrange(10, 25)}-01-01",
            f"/pudl/-/query?sql={quote_plus(rng.choice(QUERIES))}",
        ]
    )


def _data(rng: Random) -> Hit:
    table = _path(rng, _database(rng))
    path = rng.choice(
        [
            f"{table}.json?_shape=array&_size={rng.choice([100, 1000])}",
            f"{table}.csv?_stream=on&_size=max",
            f"{table}.json?plant_id_eia={rng.randrange(1, 9_000)}&_labels=on",
            f"/pudl.json?sql={quote_plus(rng.choice(QUERIES))}&_shape=objects",
        ]
    )
    status = rng.choices([200, 304, 400, 500], [93, 3, 2, 2])[0]
    size = rng.randrange(2_000, 900_000) if status == 200 else 312
    return Hit(path, size, status, wait=rng.uniform(1, 40))


def _download(rng: Random, database: str) -> Iterator[Hit]:
    whole = DATABASE_BYTES[database]
    if rng.random() < 0.5:
        yield Hit(f"/{database}.db", whole, wait=3)
        return
    part = rng.randrange(whole // 8, whole // 2)
    yield Hit(f"/{database}.db", 0, method="HEAD", wait=3)
    yield Hit(f"/{database}.db", part, 206, wait=2)
    yield Hit(f"/{database}.db", whole - part, 206, wait=90)


def _browse(rng: Random) -> Visit:
    client = Client(rng.choice(BROWSERS), INSTITUTIONS + RESOLVERS)
    pages = ["/", *(_page(rng) for _ in range(rng.randrange(1, 6)))]
    hits = [Hit("/", 5_288, referer=rng.choice(REFERERS))]
    cached = rng.random() < 0.3
    for path, size in STATIC:
        status, sent = (304, None) if cached else (200, size)
        hits.append(Hit(path, sent, status, referer=f"{SITE}/", wait=0.1))
    for before, path in pairwise(pages):
        size = rng.randrange(9_000, 160_000)
        wait = rng.uniform(4, 120)
        hits.append(Hit(path, size, referer=SITE + before, wait=wait))
    if rng.random() < 0.3:
        path = f"/pudl?sql={quote_plus(rng.choice(QUERIES))}"
        hits.append(Hit(path, 0, 302, referer=f"{SITE}/pudl", wait=30))
    if rng.random() < 0.1:
        hits.extend(_download(rng, _database(rng)))
    return Visit(client, hits)


def _run_script(rng: Random) -> Visit:
    client = Client(rng.choice(SCRIPTS), INSTITUTIONS + HOSTING)
    hits = [_data(rng) for _ in range(rng.randrange(1, 12))]
    if rng.random() < 0.15:
        hits.extend(_download(rng, _database(rng)))
    if rng.random() < 0.1:
        hits.insert(0, Hit(hits[0].path, 0, 204, method="OPTIONS"))
    return Visit(client, hits)


def _harvest(rng: Random) -> Visit:
    table = _path(rng, "pudl")
    rows = rng.randrange(0, 200) * 1_000
    hits = []
    for _ in range(rng.randrange(60, 120)):
        status = rng.choices([200, 500, 503], [196, 3, 1])[0]
        size = rng.randrange(180_000, 190_000) if status == 200 else 312
        path = f"{table}.json?_shape=array&_size=max&_next={rows}"
        hits.append(Hit(path, size, status, wait=rng.uniform(0.1, 0.6)))
        rows += 1_000
    return Visit(DOMINATING, hits)


def _crawl(rng: Random) -> Visit:
    hits = [Hit("/robots.txt", 102)]
    for _ in range(rng.randrange(1, 12)):
        size = rng.randrange(9_000, 160_000)
        hits.append(Hit(_page(rng), size, wait=rng.uniform(5, 60)))
    return Visit(rng.choice(CRAWLERS), hits)


def _monitor(rng: Random) -> Visit:
    return Visit(rng.choice(MONITORS), [Hit("/-/versions.json", 1_021)] * 2)


def _probe(rng: Random) -> Visit:
    hits = [Hit(path, 1_532, 404, wait=0.4) for path in rng.sample(PROBES, 3)]
    client = Client(rng.choice([None, "-", "Mozilla/5.0"]), DOCUMENTATION)
    return Visit(rng.choice([client, SCANNER]), hits)


def _attack(rng: Random) -> Visit:
    agent, path = rng.choice(HOSTILE)
    return Visit(Client(agent, DOCUMENTATION), [Hit(path, 1_532, 400)])


VISITS: dict[Callable[[Random], Visit], int] = {
    _harvest: 12,
    _browse: 32,
    _run_script: 20,
    _crawl: 20,
    _monitor: 32,
    _probe: 8,
    _attack: 12,
}
"""The kinds of visit and their frequencies."""


def draw_visit(rng: Random) -> Visit:
    """Draw a visit, and one of its client's addresses."""
    visit = rng.choices(list(VISITS), list(VISITS.values()))[0](rng)
    address = rng.choice(visit.client.addresses).format(rng.randrange(1, 255))
    return Visit(Client(visit.client.agent, (address,)), visit.hits)
