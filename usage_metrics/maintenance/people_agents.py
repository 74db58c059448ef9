"""User agents of people, made from the grammar of browsers and devices.

No list of robots may match any of them. They are put together from what varies (the
system, the phone, its build, the browser's version, the app that shows the page), so a
list that grows a build number or the name of an app as a robot is found out before its
version is used.
"""

from collections.abc import Iterator
from itertools import product

_CHROME = range(100, 151, 5)
_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_DESKTOPS = (
    "Windows NT 10.0; Win64; x64",
    "Windows NT 6.1; WOW64",
    "Macintosh; Intel Mac OS X 10_15_7",
    "X11; Linux x86_64",
    "X11; CrOS x86_64 14541.0.0",
    "X11; Ubuntu; Linux x86_64",
)
_DESKTOP_ENDINGS = (
    "",
    *(f" {name}/{{v}}.0.0.0" for name in ("Edg", "OPR", "Vivaldi", "Whale", "Avast")),
    " YaBrowser/25.2.0.0",
    " QQBrowser/12.1",
)
_DESKTOP_APPS = (
    *("Code/1.105.0", "code-oss/1.105.0", "Slack/4.39.90", "WhatsApp/2.24.1"),
    *("Teams/1.6.00", "discord/1.0.9", "Obsidian/1.6.7", "Postman/11.1.0"),
)
_BUILDS = {
    "9": ("PPR1.180610.011", "PKQ1.190616.001"),
    "10": ("QP1A.190711.020", "QKQ1.200209.002"),
    "11": ("RP1A.200720.012", "RKQ1.200826.002"),
    "12": ("SP1A.210812.016", "SKQ1.211006.001"),
    "13": ("TP1A.220624.014", "TKQ1.221114.001", "TQ3A.230901.001"),
    "14": ("UP1A.231005.007", "UKQ1.230924.001", "AP2A.240805.005"),
    "15": ("AP3A.240617.008", "AP3A.240905.015.A2", "BP1A.250505.005"),
    "16": ("BP2A.250605.031.A3", "BP3A.250905.014"),
}
_PHONES = (
    *(
        "SM-S918B",
        "SM-A546E",
        "Pixel 8 Pro",
        "CPH2557",
        "RMX3630",
        "V2206",
        "M2102J20SG",
    ),
    *("CUBOT KING KONG 9", "Redmi Note 7", "moto g power (2022)", "Infinix X6710"),
    *("TECNO KJ6", "SHG05", "Cat S52", "GLX Spider1S", "HUAWEI P30", "Nokia G21"),
)
_IOS = ("15_6_1", "16_7", "17_6", "18_1_1", "18_6_2", "26_0")
_PHONE_APPS = (
    "Viber/14.7.0.4",
    "Instagram 406.0.0.58.159 Android (35/15; 480dpi; 1080x2400; OPPO; {model}; OP59; "
    "qcom; en_US; 824; {build})",
    "[FB_IAB/FB4A;FBAV/481.0.0.50.82;]",
    "MicroMessenger/8.0.53.2740(0x2800353B) WeChat/arm64 NetType/WIFI Language/en",
    "trill_360404 BytedanceWebview/d8a21c6",
    "DaumApps/7.5.1 DaumDevice/mobile",
    "Line/14.1.0/IAB",
    "YaApp_Android/24.10 YaSearchBrowser/24.10",
    "GSA/15.3.36",
)
_IPHONE_APPS = (
    "Version/{version} Mobile/15E148 Safari/604.1",
    "CriOS/130.0.6723.90 Mobile/15E148 Safari/604.1",
    "FxiOS/132.0 Mobile/15E148 Safari/605.1.15",
    "EdgiOS/130.0.2849.80 Version/17.0 Mobile/15E148 Safari/604.1",
    "Mobile/22G100 Safari/604.1 MetaIAB Facebook",
    "Mobile/15E148 [FBAN/FBIOS;FBAV/481.0.0.50.82;FBDV/iPhone15,2]",
    "Mobile/15E148 Instagram 350.0.0.30.92 (iPhone15,2; iOS 17_6; en_US; scale=3.00)",
    "Mobile/15E148 Snapchat/13.10.0.36 (like Safari/8618.1.15.10.15, panda)",
    "Mobile/15E148 MicroMessenger/8.0.53 NetType/WIFI Language/en",
    "1Password/8.10.30 (like Version/{version} Mobile/15E148 Safari/600.1.4)",
    "DuckDuckGo/7 Mobile/15E148 Safari/605.1.15",
)


def people() -> list[str]:
    """The user agents of browsers on desktops and phones, and of apps on both."""
    return [*_desktops(), *_androids(), *_iphones()]


def _desktops() -> Iterator[str]:
    for system, version, end in product(_DESKTOPS, _CHROME, _DESKTOP_ENDINGS):
        chrome = f"Chrome/{version}.0.0.0 Safari/537.36{end.format(v=version)}"
        yield f"Mozilla/5.0 ({system}) {_WEBKIT} {chrome}"
    for system, version in product(_DESKTOPS, _CHROME):
        firefox = f"Gecko/20100101 Firefox/{version}.0"
        yield f"Mozilla/5.0 ({system}; rv:{version}.0) {firefox}"
    for system, app in product(_DESKTOPS, _DESKTOP_APPS):
        shell = "Chrome/126.0.6478.127 Electron/31.2.1 Safari/537.36"
        yield f"Mozilla/5.0 ({system}) {_WEBKIT} {app} {shell}"


def _androids() -> Iterator[str]:
    builds = [(android, build) for android, all_ in _BUILDS.items() for build in all_]
    for (android, build), model in product(builds, _PHONES):
        phone = f"Linux; Android {android}; {model} Build/{build}"
        mobile = "Chrome/142.0.7444.142 Mobile Safari/537.36"
        yield f"Mozilla/5.0 ({phone}) {_WEBKIT} {mobile}"
        yield f"Mozilla/5.0 ({phone}) {_WEBKIT} SamsungBrowser/26.0 {mobile}"
        for app in _PHONE_APPS:
            shown = app.format(model=model, build=build)
            yield f"Mozilla/5.0 ({phone}; wv) {_WEBKIT} Version/4.0 {mobile} {shown}"


def _iphones() -> Iterator[str]:
    for version, app in product(_IOS, _IPHONE_APPS):
        system = f"iPhone; CPU iPhone OS {version} like Mac OS X"
        shown = app.format(version=version.replace("_", "."))
        webkit = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
        yield f"Mozilla/5.0 ({system}) {webkit} {shown}"
