"""The exact definition of each figure of the report."""

from usage_metrics.counting.asked_texts import LEAST_VISITORS
from usage_metrics.counting.clicks import WINDOW
from usage_metrics.counting.concentration import CONCENTRATED
from usage_metrics.counting.naming import PATHS_A_DAY, VALUES_A_DAY

SECONDS = WINDOW // 1_000_000

GLOSSARY = (
    (
        "Request",
        "One entry of the site's request log, whoever made it and whatever the "
        "response: pages, data, style sheets, failures. Duplicate entries count once. "
        "Days are UTC days.",
    ),
    (
        "Counted use",
        "A request that counts under the COUNTER Code of Practice for Research Data, "
        "which calls it an investigation: a GET or POST for a dataset, answered "
        "successfully (status 200 or 304; of range requests, 206, one per session), "
        "and made neither by a robot nor by us. Of a visitor's requests for the same "
        f"URL within {SECONDS} seconds of each other, only the last counts.",
    ),
    (
        "Human",
        "The user agent is a web browser or an app. Anyone can claim to be one. Those "
        "that come from a hosting company are marked suspect in the database, but they "
        "count.",
    ),
    (
        "Machine",
        "The user agent is a script, a library or a data client that a person runs, "
        "such as curl, pandas or DuckDB. COUNTER counts it as use by machines.",
    ),
    (
        "Robot",
        "The user agent is on a list of crawlers, scanners or monitors; the lists and "
        "their versions are named above. Robots never count.",
    ),
    (
        "For people by AI assistants",
        "Requests of AI assistants that fetch a page because a person has just asked "
        "them something, such as ChatGPT-User, Claude-User and Perplexity-User. They "
        "are among the robots and do not count: the Code of Practice has no class for "
        "them yet. Crawlers that collect pages to train an AI or to fill its search "
        "engine are not among them.",
    ),
    ("Our own", "Our monitors and checkers, known by their names or addresses."),
    (
        "Unknown",
        "The user agent is missing, or it is on no list and does not say what it is.",
    ),
    (
        "Session",
        "The requests of one visitor in one hour of a UTC day. Sessions can be added "
        "up over days and classes, because each lies in one hour and one class, but "
        "not over datasets, because one session may use several.",
    ),
    (
        "Visitors per day",
        "The different pairs of address and user agent on a day, averaged over the "
        "days with data. The key that tells visitors apart is drawn again each day and "
        "then destroyed. So nobody, including us, can recognise visitors on another "
        "day, and no one knows the number of different visitors of a week or a month.",
    ),
    (
        "Data sent",
        "The sizes of all responses including headers, according to the log. 1 GB is a "
        "billion bytes.",
    ),
    ("Failed requests", "The share of responses with status 400 or above."),
    (
        "Change",
        "The daily average of the chosen dates against that of the same number of "
        "periods just before, if at least half of their days have data. If the data "
        "start with the chosen dates, the second half of the dates is compared with "
        "the first. Days without data are not averaged. Failed requests are compared "
        "by their shares.",
    ),
    (
        "Organisation",
        "Who routes the address, by the number of its autonomous system (AS): a "
        "university, a company, an internet provider, a cloud. It is not always the "
        "visitor's employer. The headline figure is the number of different "
        "organisations with at least one counted use on any day of the report; with "
        "“All requests” or robots chosen, with at least one request. It does not "
        "include the organisations that are unknown.",
    ),
    (
        "University or research, government, business, internet provider, hosting, "
        "VPN, relay or filter",
        "The kind of an organisation's network, derived from its AS number and name "
        "with a list and rules. It is unknown if neither applies. Through a VPN, a "
        "relay or a company's filter comes the traffic of people elsewhere.",
    ),
    (
        "Programs",
        "What the user agent calls itself: a browser, a library, a crawler. Only the "
        "programs with most requests of each day are named; the rest is unknown.",
    ),
    (
        "Country, city",
        "Where the address database places the address. For large networks this is "
        "often the head office.",
    ),
    (
        "Referring sites",
        "The site of the page that linked here, as the browser reports it, without "
        "www. Most requests have none: typed addresses, bookmarks, scripts, and sites "
        "that withhold it. “This site” means links from one of its pages to another.",
    ),
    (
        "New and returning organisations",
        "An organisation with counted uses in a period is new if the database has none "
        "of it in any earlier period, even before this report; otherwise it is "
        "returning. This is about networks, not people, and reaches back only as far "
        "as the database. If a dataset or class is chosen, only use of that dataset or "
        "by that class matters.",
    ),
    (
        "Concentration",
        "The shares of the organisation with most requests: of all requests, and of "
        "the counted uses. Each figure is also shown without it. A day is concentrated "
        "if one organisation, or one address, made "
        f"more than {CONCENTRATED:.0%} of its requests.",
    ),
    (
        "Top paths",
        f"The path of the URL without its query. Only the {PATHS_A_DAY:,} paths with "
        "most requests of each day are named; the rest is in All others.",
    ),
    (
        "First and last pages of sessions",
        "The first and the last HTML page that a session got, of those that are among "
        "the top paths. A session ends with the hour: one who stays longer leaves and "
        "enters there. The numbers are sessions, of which each is in one line.",
    ),
    (
        "Searches, SQL, referring pages",
        "What queries in URLs looked for, the SQL in them, and pages of other sites "
        f"that linked here. One is named if at least {LEAST_VISITORS} visitors had it "
        "on a day, robots and ourselves left out; the rest is in All others. Most "
        "browsers say the site of the page alone.",
    ),
    (
        "Operating system, device",
        "As the user agent says; scripts seldom do, and an iPad says that it is a Mac. "
        "Shares are of the requests whose user agent does.",
    ),
    (
        "Latency",
        "The time from the request to the end of the response, as the log says. A "
        "large file takes long.",
    ),
    (
        "Paths not found",
        "Paths that were answered with status 404 or 410. Only the "
        f"{VALUES_A_DAY} with most requests of each day are named.",
    ),
    (
        "All others",
        "The names that do not fit into a table or into the page. Shares are of the "
        "whole, including All others.",
    ),
    (
        "Rejected",
        "Log lines that could not be understood. They are kept apart, with the reason, "
        "and counted nowhere.",
    ),
)
"""Each term with its definition, in the order of the report."""
