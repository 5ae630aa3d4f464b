"""The data path beside nnU-Net's, batchgeneratorsv2's, MONAI's and DeepMind's: parity on three scans' datasets and fourteen
synthetic ones, and speed as ratios, both sides alternating on the same cores. Writes what it prints as Markdown.

    python Benchmarks/peers/speed/data.py .build/release/data-benchmark --output Benchmarks/results/data.md [--part parity|speed]

The real CT comes from Benchmarks/real-ct/fetch.sh; when it cannot be fetched a line says so and it is left out. Fails when
anything differs by more than the bounds in the tables, or a speed is below what is wanted.
"""

import argparse
import datetime
import importlib.metadata
import os
import pathlib
import platform
import subprocess
import sys
import tempfile

sys.path += [str(pathlib.Path(__file__).resolve().parents[1] / name) for name in ("fixtures", "parity")]

import datasets_parity

REPOSITORY = pathlib.Path(__file__).parents[3]
PARTS = ["parity", "speed"]


class Report:
    """Sections of Markdown, printed as they are written, and what failed."""

    def __init__(self):
        self.lines, self.failures = [], []

    def say(self, line=""):
        print(line, flush=True)
        self.lines.append(line)

    def table(self, head):
        self.say("| " + " | ".join(head) + " |")
        self.say("|" + " --- |" * len(head))

    def row(self, *cells):
        self.say("| " + " | ".join(str(cell) for cell in cells) + " |")

    def check(self, good, what):
        if not good:
            self.failures.append(what)
        return good


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    packages = ["nnunetv2", "batchgeneratorsv2", "monai", "surface-distance-based-measures", "torch", "scikit-image", "scipy",
                "numpy", "SimpleITK"]
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=REPOSITORY, capture_output=True, text=True).stdout
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return [f"{date}, commit {commit.strip()}; {model}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB, "
            f"{platform.system()} {platform.release()}.", "", f"Python {platform.python_version()}, {versions}."]


def written(path, part, text):
    """The file's text with one part put in or replaced."""
    parts = {}
    if path.exists():
        for piece in path.read_text().split("\n## ")[1:]:
            parts[piece.split("\n")[0].lower()] = "\n## " + piece.rstrip("\n") + "\n"
    parts[part] = f"\n## {part.capitalize()}\n\n{text.rstrip()}\n"
    return "# The data path against its peers\n\nWritten by `make bench-data`.\n" + "".join(
        parts[name] for name in PARTS if name in parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tool")
    parser.add_argument("--output", type=pathlib.Path)
    parser.add_argument("--part", choices=PARTS, action="append")
    parser.add_argument("--only", action="append", help="in the parity part: only datasets of these names")
    parser.add_argument("--keep", help="a folder for everything that is made, left there")
    options = parser.parse_args()
    failures = []
    for part in options.part or PARTS:
        with tempfile.TemporaryDirectory() as scratch:
            base = pathlib.Path(options.keep or scratch)
            datasets_parity.set_folders(base)
            report = Report()
            for line in machine():
                report.say(line)
            report.say()
            # After the folders are set, which nnU-Net reads when it is imported.
            if part == "parity":
                import data_parity
                data_parity.measure(report, options.tool, base, options.only)
            else:
                import data_speed
                data_speed.measure(report, options.tool, base)
            report.say()
            report.say("Everything is within its bounds." if not report.failures
                       else "Out of bounds: " + "; ".join(report.failures) + ".")
        failures += report.failures
        if options.output:
            options.output.parent.mkdir(parents=True, exist_ok=True)
            options.output.write_text(written(options.output, part, "\n".join(report.lines)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
