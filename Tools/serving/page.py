#!/usr/bin/env python3
"""Drives the page of a server of its own in Chromium: it types, streams, stops, points, takes tokens, moves sliders, compares two
models and provokes every error, checks accessibility, and takes screenshots.

    swift build -c release --traits Serving --scratch-path .build-serving --product unroll
    Tools/serving/page.py                     # also Tools/serving/page.py --pictures FOLDER --only streaming --build FOLDER

Screenshots in light, dark and 360 pixels wide go into the folder, if it is given. With `--url`, the page is that of a server
that runs, with a model of characters or two. Errors are made on the way between page and server. Needs Chromium (Debian's
package `chromium`, or UNROLL_CHROMIUM names it), and `playwright` and `axe-playwright-python` from PyPI. Fails at the first thing
that is not as it should be, and if the page has logged an error or asked another server.
"""
import argparse
import contextlib
import os
import pathlib
import shutil
import tempfile
import time

import page_faults
import page_looks
import page_use
from playwright.sync_api import sync_playwright
from server import BUILD, Server, train
from visit import NARROW, Visit, check

CHECKS = {
    name.partition("_")[2]: function
    for module in [page_use, page_faults, page_looks] for name, function in vars(module).items()
    if name.startswith(("check_", "take_")) and function.__module__ == module.__name__}


def run(name, function, browser, url, pictures):
    visit = Visit(browser, url, pictures, **{"viewport": NARROW, "has_touch": True} if name == "touch" else {})
    begin = time.monotonic()
    function(visit)
    check(visit.page.locator(".note:visible").count() == 0, "no error is left")
    check(not visit.errors, f"the page has logged errors: {visit.errors}")
    visit.context.close()
    print(f"{name}: {function.__doc__.strip().splitlines()[0]} ({time.monotonic() - begin:.1f} s)", flush=True)


@contextlib.contextmanager
def served(unroll):
    """A server with two models of the bundled story, one of which has learned more."""
    with tempfile.TemporaryDirectory() as folder:
        models = [train(unroll, f"{folder}/{name}", "--cell", "lstm", "--hidden", "128", "--epochs", str(epochs))
                  for name, epochs in [("ferry", 40), ("ferry-small", 3)]]
        with Server(unroll, models) as server:
            yield server.url


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=BUILD, help="where the program is")
    parser.add_argument("--url", help="the address of a server that runs")
    parser.add_argument("--pictures", type=pathlib.Path, help="a folder for screenshots")
    parser.add_argument("--only", choices=CHECKS, help="only this check")
    arguments = parser.parse_args()
    if arguments.pictures:
        arguments.pictures.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        url = arguments.url or stack.enter_context(served(arguments.build.resolve() / "unroll"))
        program = stack.enter_context(sync_playwright())
        # Chromium's sandbox does not start for root, as in a container; the page is our own.
        browser = program.chromium.launch(
            executable_path=shutil.which(os.environ.get("UNROLL_CHROMIUM", "chromium")), args=["--no-sandbox"])
        for name, function in CHECKS.items():
            if arguments.only in [None, name]:
                run(name, function, browser, url, arguments.pictures)
        browser.close()
    print(f"{len(CHECKS)} passed, 0 failed")


main()
