"""Catalogues of datasets: CKAN and Dataverse."""

from usage_metrics.sources.sites.page_patterns import EXTENSION, OF_ANY_SITE, Page

_NAME = r"(?P<database>[^/?]+)"

CKAN = (
    Page(
        "file",
        rf"^/(?:[^?]*/)?dataset/{_NAME}/resource/(?P<table>[^/?]+)/download"
        rf"(?:/[^?]*?(?:{EXTENSION})?)?(?:$|\?)",
        "/dataset/5d1c/resource/9e07/download/trees.CSV",
        "5d1c 9e07 csv",
    ),
    Page(
        "file",
        r"^/(?:[^?]*/)?datastore/dump/(?P<table>[^/?]+)\?(?:.*&)?"
        r"format=(?P<format>\w+)",
        "/datastore/dump/9e07?bom=true&format=json",
        "- 9e07 json",
    ),
    Page(
        "file",
        r"^/(?:[^?]*/)?datastore/dump/(?P<table>[^/?]+)(?:$|\?)",
        "/datastore/dump/9e07?bom=true",
        "- 9e07 csv",
        "csv",
    ),
    Page(
        "query",
        r"^/(?:[^?]*/)?api/(?:3/)?action/datastore_search(?:_sql)?\?(?:.*&)?"
        r"(?:resource_)?id=(?P<table>[^&]+)",
        "/api/3/action/datastore_search?limit=5&resource_id=9e07",
        "- 9e07 json",
        "json",
    ),
    Page(
        "query",
        r"^/(?:[^?]*/)?api/(?:3/)?action/datastore_search",
        "/api/action/datastore_search_sql?sql=SELECT+1",
        "- - json",
        "json",
    ),
    Page(
        "metadata",
        r"^/(?:[^?]*/)?api/(?:3/)?action/package_show\?(?:.*&)?"
        r"(?:id|name_or_id)=(?P<database>[^&]+)",
        "/api/3/action/package_show?id=trees",
        "trees - json",
        "json",
    ),
    Page("internal", r"^/(?:[^?]*/)?api/", "/api/3/action/package_list"),
    Page(
        "metadata",
        rf"^/(?:[^?]*/)?dataset/{_NAME}\.(?P<format>rdf|ttl|xml|n3|jsonld)"
        r"(?:$|\?)",
        "/dataset/trees.ttl",
        "trees - ttl",
    ),
    Page("search", r"^/(?:[^?]*/)?dataset/?(?:$|\?)", "/dataset?q=trees"),
    Page(
        "internal",
        r"^/(?:[^?]*/)?dataset/(?:new|edit|delete|activity|groups|follow"
        r"|unfollow|followers|changes|collaborators|history)(?:[/?]|$)",
        "/dataset/new",
    ),
    Page(
        "dataset",
        rf"^/(?:[^?]*/)?dataset/{_NAME}/resource/(?P<table>[^/?]+)(?:[/?]|$)",
        "/fr/dataset/trees/resource/9e07?inner_span=True",
        "trees 9e07 html",
        "html",
    ),
    Page(
        "dataset",
        rf"^/(?:[^?]*/)?dataset/{_NAME}/?(?:$|\?)",
        "/dataset/trees",
        "trees - html",
        "html",
    ),
    Page("index", r"^/(?:\w\w(?:_\w+)?/?)?(?:$|\?)", "/pt_BR/"),
    Page(
        "search",
        r"^/(?:[^?]*/)?(?:organization|group)(?:[/?]|$)",
        "/organization/parks",
    ),
    *OF_ANY_SITE,
)
"""CKAN: a dataset has a name on its pages, and an id in the links to its files."""

_ID = r"(?:.*&)?persistentId=(?P<database>[^&]+?)"
_OF_FILE = (
    r"(?:.*&)?persistentId=(?P<table>(?P<database>[^&]+?(?:/|%2F)[^&/]+?(?:/|%2F)[^&/]+?)"
    r"(?:/|%2F)[^&/%]+)"
)

DATAVERSE = (
    Page(
        "file",
        rf"^/api/access/datafile/:persistentId/?\?{_OF_FILE}(?:&|$)",
        "/api/access/datafile/:persistentId/?persistentId=doi:10.5072/FK2/J8SJZB/A1",
        "doi:10.5072/FK2/J8SJZB doi:10.5072/FK2/J8SJZB/A1 -",
    ),
    Page(
        "file",
        rf"^/api/access/dataset/:persistentId(?:/versions/[^/?]+)?/?\?{_ID}(?:&|$)",
        "/api/access/dataset/:persistentId/?persistentId=doi%3A10.5072%2FFK2%2FJ8SJZB",
        "doi:10.5072/FK2/J8SJZB - zip",
        "zip",
    ),
    Page(
        "metadata",
        r"^/api/access/datafile/(?P<table>\d+)/metadata",
        "/api/access/datafile/42/metadata/ddi",
        "- 42 xml",
        "xml",
    ),
    Page(
        "file",
        r"^/api/access/datafile/(?:bundle/)?(?P<table>\d+)\?(?:.*&)?"
        r"format=(?P<format>\w+)",
        "/api/access/datafile/42?format=RData",
        "- 42 rdata",
    ),
    Page(
        "file",
        r"^/api/access/datafiles?/(?:bundle/)?(?P<table>[\d,]+)(?:[/?]|$)",
        "/api/access/datafile/42",
        "- 42 -",
    ),
    Page("file", r"^/api/access/", "/api/access/dataset/17"),
    Page(
        "metadata",
        rf"^/api/datasets/export\?{_ID}(?:&|$)",
        "/api/datasets/export?exporter=ddi&persistentId=doi:10.5072/FK2/J8SJZB",
        "doi:10.5072/FK2/J8SJZB - -",
    ),
    Page(
        "metadata",
        rf"^/api/datasets/:persistentId[^?]*\?{_ID}(?:&|$)",
        "/api/datasets/:persistentId/versions?persistentId=hdl:1902.1/111",
        "hdl:1902.1/111 - json",
        "json",
    ),
    Page("search", r"^/api/search", "/api/search?q=trees"),
    Page("internal", r"^/api/", "/api/info/version"),
    Page(
        "dataset",
        rf"^/(?:dataset|citation)(?:\.xhtml)?\?{_ID}(?:&|$)",
        "/dataset.xhtml?persistentId=doi:10.5072/FK2/J8SJZB&version=2.0",
        "doi:10.5072/FK2/J8SJZB - html",
        "html",
    ),
    Page(
        "dataset",
        rf"^/file\.xhtml\?{_OF_FILE}(?:&|$)",
        "/file.xhtml?persistentId=doi:10.5072/FK2/J8SJZB/A1&version=1.0",
        "doi:10.5072/FK2/J8SJZB doi:10.5072/FK2/J8SJZB/A1 html",
        "html",
    ),
    Page("search", r"^/dataverse(?:[/.?]|$)", "/dataverse/parks?q=trees"),
    Page("index", r"^/(?:$|\?)", "/"),
    *OF_ANY_SITE,
)
"""Dataverse: a dataset is its DOI or handle; a file of it may be only a number."""
