"""Data servers that speak DAP: ERDDAP and THREDDS."""

from usage_metrics.sources.sites.page_patterns import EXTENSION, OF_ANY_SITE, Page

_DAP_ID = r"(?P<database>[^/?.]+)"

ERDDAP = (
    Page(
        "internal",
        r"/(?:griddap|tabledap|wms|files)/documentation\.html",
        "/erddap/griddap/documentation.html",
    ),
    Page(
        "search",
        r"/(?:griddap|tabledap|wms|info|files|subset)/(?:index\.\w+)?(?:$|\?)",
        "/erddap/info/index.html?page=1",
    ),
    Page(
        "metadata",
        rf"/(?:griddap|tabledap)/{_DAP_ID}\.(?P<format>das|dds|fgdc|iso19115"
        r"|iso19139|ncHeader|ncCFHeader|ncCFMAHeader|nccsvMetadata|ncoJson|ncml|timeGaps"
        r"|croissant)(?:$|\?)",
        "/erddap/griddap/jplMURSST41.das",
        "jplMURSST41 - das",
    ),
    Page(
        "dataset",
        rf"/(?:griddap|tabledap)/{_DAP_ID}\.(?:html|graph|help|subset)"
        r"(?:$|\?)",
        "/erddap/tabledap/cwwcNDBCMet.graph?time,wtmp",
        "cwwcNDBCMet - html",
        "html",
    ),
    Page(
        "query",
        rf"/(?:griddap|tabledap)/{_DAP_ID}\.(?P<format>\w+)(?:$|\?)",
        "/erddap/tabledap/cwwcNDBCMet.csv?station,wtmp&time>=now-7days",
        "cwwcNDBCMet - csv",
    ),
    Page(
        "dataset",
        rf"/(?:griddap|tabledap)/{_DAP_ID}/?(?:$|\?)",
        "/erddap/tabledap/cwwcNDBCMet",
        "cwwcNDBCMet - html",
        "html",
    ),
    Page(
        "metadata",
        rf"/info/{_DAP_ID}/index\.(?P<format>\w+)",
        "/erddap/info/cwwcNDBCMet/index.json",
        "cwwcNDBCMet - json",
    ),
    Page(
        "dataset",
        rf"/files/{_DAP_ID}/(?:[^?]*/)?(?:$|\?)",
        "/erddap/files/cwwcNDBCMet/",
        "cwwcNDBCMet - html",
        "html",
    ),
    Page(
        "file",
        rf"/files/{_DAP_ID}/(?P<table>[^?]+?{EXTENSION})(?:$|\?)",
        "/erddap/files/cwwcNDBCMet/2024/a.nc",
        "cwwcNDBCMet 2024/a.nc nc",
    ),
    Page(
        "query",
        rf"/wms/{_DAP_ID}/request\?(?i)(?:.*&)?request=GetMap",
        "/erddap/wms/jplMURSST41/request?service=WMS&request=GetMap",
        "jplMURSST41 - png",
        "png",
    ),
    Page(
        "dataset",
        rf"/wms/{_DAP_ID}/",
        "/erddap/wms/jplMURSST41/index.html",
        "jplMURSST41 - html",
        "html",
    ),
    Page(
        "search",
        r"/(?:search|categorize|advancedSearch|opensearch1\.1)(?:[/?]|$)",
        "/erddap/search/index.html?searchFor=sea",
    ),
    Page("index", r"^/(?:erddap/?)?(?:index\.html)?(?:$|\?)", "/erddap/index.html"),
    *OF_ANY_SITE,
    Page("internal", r"^/erddap/", "/erddap/status.html"),
)
"""ERDDAP: a dataset has an id, and an ending says what is wanted of it."""

_TDS_PATH = r"(?P<database>[^/?]+)/(?P<table>[^?]+?)"

THREDDS = (
    Page(
        "dataset",
        r"/catalog/(?:[^?]*/)?catalog\.(?:html|xml)\?(?:.*&)?dataset="
        r"(?:[^&/]+/)*?(?P<database>[^/&]+)/(?P<table>[^&]+)",
        "/thredds/catalog/sst/catalog.html?dataset=sst/2024/a.nc",
        "sst 2024/a.nc html",
        "html",
    ),
    Page(
        "search",
        r"/(?:catalog|remoteCatalogService|catalogGen)(?:[/.?]|$)",
        "/thredds/catalog/sst/2024/catalog.html",
    ),
    Page(
        "file",
        rf"/fileServer/(?P<database>[^/?]+)/(?P<table>[^?]+?{EXTENSION})(?:$|\?)",
        "/thredds/fileServer/sst/2024/a.nc",
        "sst 2024/a.nc nc",
    ),
    Page(
        "file",
        rf"/fileServer/{_TDS_PATH}(?:$|\?)",
        "/thredds/fileServer/sst/2024/a",
        "sst 2024/a -",
    ),
    Page(
        "metadata",
        rf"/dodsC/{_TDS_PATH}\.(?P<format>dds|das|ddx|dmr)(?:$|[.?])",
        "/thredds/dodsC/sst/2024/a.nc.dds",
        "sst 2024/a.nc dds",
    ),
    Page(
        "dataset",
        rf"/dodsC/{_TDS_PATH}\.(?:html|info|ver)(?:$|\?)",
        "/thredds/dodsC/sst/2024/a.nc.html",
        "sst 2024/a.nc html",
        "html",
    ),
    Page(
        "query",
        rf"/dodsC/{_TDS_PATH}\.(?P<format>dods|ascii|asc|dap)(?:$|\?)",
        "/thredds/dodsC/sst/2024/a.nc.dods?time[0:1:9]",
        "sst 2024/a.nc dods",
    ),
    Page(
        "metadata",
        rf"/ncss/(?:grid/|point/)?{_TDS_PATH}/(?P<format>dataset\.\w+"
        r"|pointDataset\.\w+|datasetBoundaries\.\w+)(?:$|\?)",
        "/thredds/ncss/grid/sst/2024/a.nc/dataset.xml",
        "sst 2024/a.nc dataset.xml",
    ),
    Page(
        "query",
        rf"/ncss/(?:grid/|point/)?{_TDS_PATH}\?(?:.*&)?accept="
        r"(?P<format>[A-Za-z0-9]+)",
        "/thredds/ncss/sst/2024/a.nc?var=sst&accept=netcdf4",
        "sst 2024/a.nc netcdf4",
    ),
    Page(
        "query",
        rf"/ncss/(?:grid/|point/)?{_TDS_PATH}\?",
        "/thredds/ncss/sst/a.nc?var=sst",
        "sst a.nc netcdf",
        "netcdf",
    ),
    Page(
        "metadata",
        rf"/(?:wms|wcs)/{_TDS_PATH}\?(?i)(?:.*&)?request=(?:GetCapabilities"
        r"|DescribeCoverage|GetMetadata|GetLegendGraphic)",
        "/thredds/wms/sst/a.nc?service=WMS&request=GetCapabilities",
        "sst a.nc xml",
        "xml",
    ),
    Page(
        "query",
        rf"/(?P<format>wms|wcs|cdmremote|cdmrFeature/grid)/{_TDS_PATH}(?:$|\?)",
        "/thredds/wms/sst/a.nc?request=GetMap",
        "sst a.nc wms",
    ),
    Page(
        "metadata",
        rf"/(?P<format>iso|ncml|uddc)/{_TDS_PATH}(?:$|\?)",
        "/thredds/iso/sst/2024/a.nc",
        "sst 2024/a.nc iso",
    ),
    Page("index", r"^/(?:thredds/?)?(?:$|\?)", "/thredds/"),
    *OF_ANY_SITE,
    Page("internal", r"^/thredds/", "/thredds/serverInfo.html"),
)
"""THREDDS: the first folder of a dataset's path is the dataset, the rest the file."""
