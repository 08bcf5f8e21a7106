#!/usr/bin/env python3
"""Gathers the texts of the experiments in a folder, from 40 kB to 30 MB.

    Tools/planning/texts.py FOLDER [--corpora CORPORA]

Most are made of Debian packages, which are downloaded and unpacked, not installed; it needs apt-get and dpkg-deb. The bundled
story is taken from `unroll corpus fetch`, tinyshakespeare.txt and timemachine.txt from the folder CORPORA. Prints the sizes; a
text that is there already stays. Of the two from CORPORA the last tenth is left out: recipes report what models make of it,
and nothing may be chosen by that.
"""
import argparse
import gzip
import html.parser
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

LARGEST = 30_000_000
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class Paragraphs(html.parser.HTMLParser):
    """The text of a page of DocBook, without its navigation."""
    BLOCKS = {"p", "h1", "h2", "h3", "h4", "h5", "li", "pre", "div", "td", "dt", "dd"}
    HIDDEN = {"script", "style", "head"}

    def __init__(self):
        super().__init__()
        self.parts, self.hidden = [], []

    def handle_starttag(self, tag, attributes):
        navigation = tag == "ul" and "docnav" in (dict(attributes).get("class") or "")
        if tag in self.HIDDEN or navigation or (self.hidden and tag == self.hidden[0]):
            self.hidden.append(tag)
        elif tag in self.BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag):
        if self.hidden and tag == self.hidden[-1]:
            self.hidden.pop()
        elif tag in self.BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data):
        if not self.hidden:
            self.parts.append(data)


def package(name, folder):
    """Unpacks a package; returns the folder of its files."""
    target = folder / name
    target.mkdir()
    subprocess.run(["apt-get", "download", name], cwd=target, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    archive, = target.glob("*.deb")
    subprocess.run(["dpkg-deb", "-x", archive, target], check=True)
    return target


def bible(folder):
    data = package("bible-kjv-text", folder) / "usr/lib"
    program = package("bible-kjv", folder) / "usr/bin/bible"
    verses = subprocess.run([program, "-f", "gen1:1-rev22:21"], cwd=data, check=True, capture_output=True, text=True,
                            stdin=subprocess.DEVNULL).stdout
    return re.sub(r"^\w+:\d+ ", "", verses, flags=re.MULTILINE)


def dictionary(name):
    def text(folder):
        file, = package(f"dict-{name}", folder).glob("usr/share/dictd/*.dict.dz")
        return gzip.decompress(file.read_bytes()).decode("utf-8", "replace")
    return text


def handbook(folder):
    pages = sorted(package("debian-handbook", folder).glob("usr/share/doc/debian-handbook/html/en-US/*.html"))
    texts = []
    for page in pages:
        parser = Paragraphs()
        parser.feed(page.read_text())
        texts.append("".join(parser.parts))
    lines = [line.rstrip() for line in "\n".join(texts).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def manuals(folder):
    pages = sorted(package("manpages", folder).glob("usr/share/man/man*/*.gz"))
    return "".join(gzip.decompress(page.read_bytes()).decode("utf-8", "replace") for page in pages)


def fortunes(language):
    def text(folder):
        files = sorted(package(f"fortunes-{language}", folder).glob("usr/share/games/fortunes*/**/*"))
        texts = [file.read_text("utf-8", "replace") for file in files
                 if file.is_file() and not file.is_symlink() and file.suffix != ".dat"]
        return "".join(texts)
    return text


TEXTS = {
    "story": None, "timemachine": None, "tinyshakespeare": None, "bible": bible, "gcide": dictionary("gcide"),
    "jargon": dictionary("jargon"), "handbook": handbook, "manpages": manuals, "fortunes-zh": fortunes("zh"),
    "fortunes-ru": fortunes("ru"), "fortunes-de": fortunes("de"),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--corpora", type=pathlib.Path)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for name, make in TEXTS.items():
        file = arguments.folder / f"{name}.txt"
        if not file.exists():
            if make:
                with tempfile.TemporaryDirectory() as folder:
                    text = make(pathlib.Path(folder)).encode()[:LARGEST]
                    file.write_text(text.decode("utf-8", "ignore"))
            elif name == "story":
                unroll = ROOT / ".build/release/unroll"
                path = subprocess.run([unroll, "corpus", "fetch", "sample"], check=True, capture_output=True, text=True)
                shutil.copy(path.stdout.strip(), file)
            elif arguments.corpora:
                text = (arguments.corpora / f"{name}.txt").read_bytes().decode()
                file.write_bytes(text[:len(text) * 9 // 10].encode())
            else:
                print(f"{name}: left out without --corpora", file=sys.stderr)
                continue
        print(f"{file.stat().st_size:>11,}  {name}")


main()
