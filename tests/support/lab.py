"""Runs JupyterLab in a folder, and a notebook in it as a person would."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from chromium import PATIENCE, Page

LAB = (
    *("-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"),
    *("--IdentityProvider.token=", "--ServerApp.port=0"),
)
READY = """
    const open = window.jupyterapp?.shell?.currentWidget;
    return open?.content?.model?.cells?.length
        && open.sessionContext?.session?.kernel?.status === "idle";
"""
RUN_ALL = """
    window.jupyterapp.commands.execute("notebook:run-all-cells")
        .then((isDone) => { window.allRan = [isDone]; });
"""
SHOW_EACH = """
    const {content} = window.jupyterapp.shell.currentWidget;
    const all = content.widgets.map((_, number) => () => content.scrollToItem(number));
    all.reduce((before, show) => before.then(show), Promise.resolve())
        .then(() => { window.allShown = true; });
"""


@contextmanager
def jupyterlab(folder: Path) -> Iterator[str]:
    """Start a server for a folder; gives its URL."""
    private = folder / "jupyter"
    places = {f"JUPYTER_{name}_DIR": f"{private}/{name}" for name in ("CONFIG", "DATA")}
    runtime = private / "runtime"
    private.mkdir()
    with (
        (private / "log").open("w") as log,
        subprocess.Popen(
            [sys.executable, *LAB, f"--ServerApp.root_dir={folder}"],
            cwd=folder,
            env=os.environ | places | {"JUPYTER_RUNTIME_DIR": str(runtime)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        ) as server,
    ):
        try:
            yield _url(server, runtime)
        finally:
            server.terminate()


def _url(server: "subprocess.Popen[bytes]", runtime: Path) -> str:
    """Wait until the server has written where it listens."""
    until = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < until:
        for file in runtime.glob("jpserver-*.json"):
            with suppress(ValueError):  # it is being written
                return str(json.loads(file.read_text())["url"])
        time.sleep(0.1)
    raise TimeoutError("JupyterLab does not start")


def run_all(page: Page, url: str, notebook: str) -> bool:
    """Open a notebook, run all of it, and show each cell; whether no cell failed."""
    page.driver.get(f"{url}lab/tree/{notebook}?reset")
    page.wait_for(READY)
    page.run(RUN_ALL)
    [is_done] = page.wait_for("return window.allRan")
    page.run(SHOW_EACH)
    page.wait_for("return window.allShown")
    return bool(is_done)
