"""Walk through MLflow's user interface as a person would, in a real browser, and keep pictures of what is there.

./dev browser                      trains a small agent, opens `maze-run ui`, and writes docs/images/ui-*.png
./dev browser --project DIRECTORY  looks at the runs of a project that has some

It needs Chromium (Debian: apt-get install chromium), or whatever --chromium or MAZE_CHROMIUM names, and playwright,
which is in requirements.lock. It is no part of ./dev test. What is not found ends it with an error and a picture.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Locator, Page, expect, sync_playwright

from maze.tracking.view import view_addresses

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
MAZE_RUN = [sys.executable, "-c", "from maze.cli import main; raise SystemExit(main())"]
QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""So that the browser asks for nothing but the pages of this machine."""

_SECONDS = 120
_SIZE = (1440, 900)


def find_chromium(given: str | None) -> str:
    """Return the browser's program, or end with a message that says how to get one."""
    names = (given or os.environ.get("MAZE_CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    for name in filter(None, names):
        found = shutil.which(name)
        if found is not None:
            return found
    raise SystemExit("browser: Chromium was not found on PATH; install it (Debian: chromium), or name it: --chromium.")


def train(project: Path) -> None:
    """Leave a run in an empty project."""
    project.mkdir()
    subprocess.run(["git", "init", "--quiet", "."], cwd=project, check=True)
    words = ["train", "algorithm=ppo", "algorithm.n_epochs=6", "--seed", "1", "--run-dir", "runs/first", "--silent"]
    subprocess.run([*MAZE_RUN, *words], cwd=project, env=environment(), check=True)


def environment() -> dict[str, str]:
    """Return this process's variables, so that the code beside this file is what runs."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


@contextmanager
def user_interface(project: Path) -> Iterator[str]:
    """Serve a project's runs with ``maze-run ui`` for the length of a block; gives the address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryFile() as log:
        command = [*MAZE_RUN, "ui", "--port", str(port)]
        server = subprocess.Popen(
            command, cwd=project, env=environment(), stdout=log, stderr=log, start_new_session=True
        )
        try:
            _wait_for(address, server)
            yield address
        finally:
            os.killpg(server.pid, signal.SIGTERM)  # MLflow's server has workers of its own
            try:
                server.wait(timeout=15)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(f"{address}/health", timeout=5)
        except (urllib.error.URLError, OSError):
            if server.poll() is not None:
                raise SystemExit(f"browser: maze-run ui ended with status {server.returncode}.") from None
            time.sleep(0.5)
        else:
            return
    raise SystemExit(f"browser: maze-run ui did not answer within {_SECONDS} seconds.")


class Walk:
    """The way from the list of experiments to a run's parameters, curves, figures and policy.

    Args:
        page: of the browser.
        address: of the user interface.
        view: address of the experiment's runs that ``maze-run ui`` prints.
        images: where pictures go.
    """

    def __init__(self, page: Page, address: str, view: str, images: Path) -> None:
        self.page, self.address, self.view, self.images = page, address, view, images

    def go(self) -> None:
        """Take all steps, each of which checks that what it is about is on the page."""
        self.experiments()
        self.runs()
        self.parameters()
        self.curves()
        self.figures()
        self.policy()

    def experiments(self) -> None:
        """Find the experiment in the list."""
        self.page.goto(f"{self.address}/#/experiments")
        expect(self._experiment).to_be_visible()
        self._keep("experiments")

    @property
    def _experiment(self) -> Locator:
        return self.page.get_by_role("link", name="maze", exact=True)

    def runs(self) -> None:
        """Open the experiment, and find a run that is named after what it is."""
        self.page.get_by_text("Model training", exact=True).first.click()  # the other half is about language models
        self._experiment.click()
        self.page.goto(self.view)
        for column in ("best/return", "system/steps_per_second", "env.name"):
            expect(self.page.locator(f"[title='{column}'], [col-id*='{column}']").first).to_be_attached()
        run = self.page.locator("a[href*='/runs/']").first
        expect(run).to_have_text(re.compile(r"\w+ \S+-v\d+ seed \d+"))
        self._keep("runs")
        run.click()

    def parameters(self) -> None:
        """Read the configuration and the last values of the metrics."""
        for name in ("Parameters", "Metrics"):
            expect(self.page.get_by_text(re.compile(rf"^{name} \(\d+\)$")).first).to_be_visible()
        expect(self.page.get_by_text("algorithm.lr", exact=True).first).to_be_attached()
        expect(self.page.get_by_text("eval/mean_return", exact=True).first).to_be_attached()
        _bring_up(self.page.get_by_text(re.compile(r"^Parameters \(\d+\)$")).first)
        self._keep("parameters")

    def curves(self) -> None:
        """Look at the learning curve."""
        self.page.get_by_role("tab", name="Model metrics").click()
        chart = self.page.get_by_text("mean_return", exact=True).first
        expect(chart).to_be_attached()
        expect(self.page.locator(".js-plotly-plot").first).to_be_visible()
        _bring_up(chart)
        self._keep("curves")

    def figures(self) -> None:
        """Open a figure among the artifacts."""
        self.page.get_by_role("tab", name="Artifacts").click()
        self.page.get_by_text("figures", exact=True).first.click()
        self.page.get_by_text(re.compile(r"^learning.curve\.png$")).first.click()
        expect(self.page.locator("img[src^='blob:'], img[src*='get-artifact']").first).to_be_visible()
        self._keep("figures")

    def policy(self) -> None:
        """Open the policy that the run left, ready to be registered and served."""
        self.page.get_by_role("tab", name="Overview").click()
        self.page.locator("a[href*='/models/m-']").first.click()
        expect(self.page.get_by_text("agent", exact=True).first).to_be_visible()
        expect(self.page.get_by_text(re.compile("Register model")).first).to_be_visible()
        self._keep("policy")

    def _keep(self, name: str) -> None:
        self.page.wait_for_timeout(2500)  # charts and pictures move into their places
        close = self.page.get_by_role("button", name=re.compile("close", re.IGNORECASE))
        if close.count():  # the assistant, which covers a third of the page
            close.first.click()
            self.page.wait_for_timeout(500)
        self.page.screenshot(path=self.images / f"ui-{name}.png")
        print(f"{name}: {self.page.url}", flush=True)


def _bring_up(place: Locator) -> None:
    """Scroll until a place is in the upper part of the window."""
    place.evaluate("node => node.scrollIntoView({block: 'start'})")


def main() -> None:
    """Walk, and leave pictures."""
    parser = argparse.ArgumentParser(prog="./dev browser", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--project", type=Path, help="directory with runs (default: a new one)")
    parser.add_argument("--images", type=Path, default=IMAGES, help="where pictures go (default: docs/images)")
    parser.add_argument("--chromium", help="the browser's program (default: chromium on PATH)")
    arguments = parser.parse_args()
    chromium = find_chromium(arguments.chromium)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        project = arguments.project or Path(scratch) / "cartpole"
        if arguments.project is None:
            train(project)
        sandbox = [] if os.geteuid() else ["--no-sandbox"]  # Chromium refuses to run as root with it
        browser = playwright.chromium.launch(executable_path=chromium, args=[*QUIET, *sandbox])
        page = browser.new_page(viewport={"width": _SIZE[0], "height": _SIZE[1]})
        page.set_default_timeout(_SECONDS * 1000)
        expect.set_options(timeout=_SECONDS * 1000)
        try:
            with user_interface(project) as address:
                views = view_addresses(project / ".maze" / "mlflow.db", address)
                Walk(page, address, views["maze"], arguments.images).go()
        except Exception:
            page.screenshot(path=arguments.images / "ui-failed.png")
            raise
        finally:
            browser.close()


if __name__ == "__main__":
    main()
