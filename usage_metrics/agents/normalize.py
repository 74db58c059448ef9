"""Reduces user agents to what the rules are tried on.

The model of a phone is a name that its maker chose: CUBOT, Panasonic and Radar 4G are
not robots. The names and versions of browsers and of apps (``people.tsv``) say that a
person asks. Without them, a thousand user agents are a few dozen texts, and lists of
robots mistake no person's browser for one, whatever patterns they grow.
"""

import functools

import pyarrow as pa
import pyarrow.compute as pc

from usage_metrics.agents import lists
from usage_metrics.agents.rules import lines_of, own_table
from usage_metrics.arrow import STRING

LONGEST = 1_000
"""Characters of a user agent that are used; the longest of a browser have 1,000."""

_APPENDED = r"(?i)(?:\s*[,;]\s*gzip\(gfe\))+$"
"""What Google's front end appends, sometimes twice."""

_DEVICE = r"(?i)\((?:Linux|Android)[^()]*Android(?:[^()]|\([^()]*\))*\)"
"""The system, model and build of a phone."""

_ROBOT_IN_DEVICE = (
    r"\((?:Linux|Android)[^()]*Android[^()]*(?:; *(?:compatible|[\w.+-]+@\w)|"
    r"https?:[^() ]*[;)]|(?:bot|crawler|spider)/|-Google/|"
    r"Build/[^();]*;[^()]*(?:bot|crawl|spider|fetch))"
)
"""Robots with their name where phones have their model.

Makers and tinkerers put what they like into the names of models and builds, among it
addresses; a robot's stand by themselves.
"""

_INTRANET = (
    r"(?i)(?:[(;] *(?:https?://[^;() +]+|[\w-]+\.(?:com|org|net)))+"
    r"(;[^()]*(?:rv:11[^()]*\) like Gecko$|\.NET CLR))"
)
"""The pages and names that firms put into the brackets of Internet Explorer."""

_SYSTEM = (
    r"(?i)\b(?:Windows NT [\d.]+|Win64|WOW64|x64|x86_64|i[3-6]86|amd64|aarch64|"
    r"armv?\w+|Macintosh|Intel Mac OS X [\d_.]+|Mac OS X|X11|Linux|CrOS|iPhone|iPad|"
    r"CPU (?:iPhone )?OS [\d_]+ like Mac OS X|Windows Phone [\d.]+|rv:[\d.]+|"
    r"SLCC\d|\.NET CLR [\d.]+|\.NET[\d.]+[CE]?|Media Center PC [\d.]+|InfoPath\.\d|"
    r"Ubuntu|Fedora|Debian|Gentoo|Arch|openSUSE|Touch|Xbox|ARM64|Intel|"
    r"Alexa ?Toolbar|AliApp\([^()]*\)|"
    r"Tablet PC [\d.]+|Cortana [\d.]+|"
    r"Instagram [\d.]+ Android \((?:[^()]|\([^()]*\))*\)|"
    r"Twitter for \w+|MetaIAB Facebook|Kobo eReader|DaumDevice/\w+|Tesla/\S+|"
    r"like Mac OS X)|\(KHTML, like Gecko\)|\) like Gecko$|"
    r"(?:HbbTV|FVC)/[\d.]+ \([^()]*\)|\[(?:FB|Pinterest|LinkedIn)[^\]]*\]"
)
"""What browsers say of the system, and apps of themselves, without a version."""

_BROWSER = r"(?i)^(?:Mozilla|Opera)/"

_CHROME_AND_A_WORD = (
    r"(?i)^Mozilla/5\.0 \((?:Windows NT 10|Macintosh|X11; Linux|"
    r"Linux; Android 6\.0\.1; Nexus 5X Build/MMB29P)[^()]*\) "
    r"AppleWebKit/537\.36 \(KHTML, like Gecko\) (?:\S+ )?"
    r"Chrome/1\d\d[\d.]*(?: Mobile)? Safari/537\.36(?: \S+)?$"
)
"""A whole browser of today, perhaps with a word; robots like Googlebot's Nexus 5X."""

_BROWSER_OR_PHONE = rf"{_BROWSER}|\b(?:MIDP|CLDC)-\d"


def normalised(agents: pa.Array) -> pa.Array:
    """Strip blanks, quotes and what a proxy appended; null becomes empty."""
    texts = pc.fill_null(agents.cast(STRING), "")
    texts = pc.utf8_trim(texts, " \t\r\n\"'")
    texts = pc.replace_substring_regex(texts, _APPENDED, "")
    return pc.utf8_slice_codeunits(texts, 0, LONGEST)


def unusual(texts: pa.Array) -> pa.Array:
    """What a browser's user agent says beyond what everybody's browser says.

    The phone, the system, browsers and apps are taken out. Of a person's browser
    nothing is left that a list of robots could mistake; a robot leaves its name.
    """
    device = pc.replace_substring_regex(texts, _DEVICE, "(Android)")
    robots = pc.match_substring_regex(texts, _ROBOT_IN_DEVICE, ignore_case=True)
    rest = pc.if_else(robots, texts, device)
    rest = pc.replace_substring_regex(rest, _INTRANET, r"\1")
    rest = pc.replace_substring_regex(rest, _SYSTEM, "")
    rest = pc.replace_substring_regex(rest, _people(), "")
    browsers = pc.match_substring_regex(texts, _BROWSER)
    return pc.if_else(browsers, rest, texts)


def whole(texts: pa.Array, _rest: pa.Array) -> pa.Array:
    """User agents as they are."""
    return texts


def only_unusual(_texts: pa.Array, rest: pa.Array) -> pa.Array:
    """What is unusual in user agents."""
    return rest


def not_browsers(texts: pa.Array, _rest: pa.Array) -> pa.Array:
    """What browsers and old phones do not send; their user agents become empty."""
    return pc.if_else(pc.match_substring_regex(texts, _BROWSER_OR_PHONE), "", texts)


def unknown_ending(texts: pa.Array, rest: pa.Array) -> pa.Array:
    """What a Chrome on a desktop says besides, unless browsers or apps say it."""
    rest = pc.utf8_trim(rest, " ();,.")
    words = pc.match_substring_regex(rest, r"^[a-zA-Z]{2,}[\w.]\S*$")
    return pc.if_else(
        pc.and_(pc.match_substring_regex(texts, _CHROME_AND_A_WORD), words), rest, ""
    )


def without_browser_words(_texts: pa.Array, rest: pa.Array) -> pa.Array:
    """User agents as crawlerdetect searches them."""
    return pc.replace_substring_regex(rest, _browser_words(), "")


@functools.cache
def _people() -> str:
    names = [name for _, name in lines_of(own_table("people.tsv"), "#")]
    return rf"(?i)\b(?:{'|'.join(names)})(?:/(?:v?\d[\w.:+-]*)?|$)"


@functools.cache
def _browser_words() -> str:
    return f"(?i){'|'.join(lists.crawlerdetect_exclusions())}"
