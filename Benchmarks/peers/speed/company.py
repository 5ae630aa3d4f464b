"""Training beside other work on the same cores: its rate beside one and beside two busy threads, as a share of its rate alone, next
to the fair share. The sides take turns in every round: no busy thread, one, two.

    python Benchmarks/peers/speed/company.py --segbench .build/release/segbench --engine .build/release/engine-benchmark [--rounds 5]

The phantom's small ViT and its pretraining are run by the program itself, batches and all, in a folder of their own; steps of
nnU-Net and ViT-S are the engine's. Where the Python that runs this has PyTorch, it takes the same steps in turn (--no-peer leaves it out).
A round takes about a minute, three with PyTorch. What was measured goes to results/company.md; --no-record only prints.
"""

import argparse
import datetime
import importlib.util
import os
import pathlib
import pty
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
COMPANIES = (0, 1, 2)

RUNS = {
    "small-vit": ("the phantom's small ViT", ["run", "meddinov3/table1/1-random-init-640", "--profile", "phantom",
                                              "--set", "training.epochs=10000"], "training"),
    "pretraining": ("its pretraining", ["pretrain", "meddinov3/pretraining/natural-images", "--profile", "phantom",
                                        "--set", "self_distillation.iterations=100000"], "pretraining"),
}
STEPS = {"nnu-net": "nnU-Net 2d, batch 4, 256 x 256", "vit-s": "ViT-S + multi-scale Primus, batch 2, 448 x 448"}


class Busy:
    """So many threads, each of a process of its own, that compute and never sleep."""

    def __init__(self, count):
        self.processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]

    def __enter__(self):
        time.sleep(0.3)
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()


class Run:
    """The program at work, its progress read from the bar that it draws ten times a second."""

    def __init__(self, segbench, words, title, threads, folder):
        self.seen, self.said, self.lock = [], "", threading.Lock()
        pattern = re.compile(rf"\] {title} (\d+)/\d+")
        self.screen, side = pty.openpty()
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "TERM": "xterm"}
        self.process = subprocess.Popen([segbench, *words], stdin=subprocess.DEVNULL, stdout=side, stderr=side,
                                        cwd=folder, env=environment, start_new_session=True)
        os.close(side)
        threading.Thread(target=self.watch, args=(pattern,), daemon=True).start()

    def watch(self, pattern):
        rest = ""
        while True:
            try:
                data = os.read(self.screen, 1 << 16)
            except OSError:
                return
            now = time.perf_counter()
            *lines, rest = re.split(r"[\r\n]", rest + data.decode(errors="replace"))
            for line in [*lines, rest]:
                self.said = line or self.said
                found = pattern.search(line)
                if found:
                    with self.lock:
                        if not self.seen or int(found[1]) > self.seen[-1][1]:
                            self.seen.append((now, int(found[1])))

    def last(self):
        with self.lock:
            return self.seen[-1] if self.seen else (time.perf_counter(), 0)

    def wait_for(self, steps):
        """Until so many more steps are done."""
        goal = self.last()[1] + steps
        while self.last()[1] < goal:
            if self.process.poll() is not None:
                sys.exit(f"{self.process.args[0]} ended: {self.said}")
            time.sleep(0.02)

    def rate(self, seconds):
        """Steps a second, from one step to another."""
        self.wait_for(2)
        first = self.last()
        while time.perf_counter() - first[0] < seconds or self.last()[1] == first[1]:
            if self.process.poll() is not None:
                sys.exit(f"{self.process.args[0]} ended: {self.said}")
            time.sleep(0.02)
        last = self.last()
        return (last[1] - first[1]) / (last[0] - first[0])

    def close(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.screen)


class Steps:
    """A process that takes a training step when asked, and sleeps otherwise."""

    def __init__(self, command, threads):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, "OMP_NUM_THREADS": str(threads)})
        self.read()
        self.ask("begin")

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.process.args[0]} ended")
        return line.strip()

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.read()

    def step(self):
        return float(self.ask("train").split()[1])

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def measure_run(name, arguments, folder):
    _, words, title = RUNS[name]
    run = Run(os.path.abspath(arguments.segbench), words, title, arguments.threads, folder)
    rates = {busy: [] for busy in COMPANIES}
    try:
        run.wait_for(20)
        for _ in range(arguments.rounds):
            for busy in COMPANIES:
                with Busy(busy):
                    rates[busy].append(run.rate(arguments.seconds))
    finally:
        run.close()
    return {"SegBench": rates}


def measure_steps(name, arguments, folder):
    sides = {}
    if arguments.peer:
        peer = Steps([sys.executable, str(HERE / "engine_peer.py"), name, "eager", str(arguments.threads)], arguments.threads)
        path = os.path.join(folder, f"{name}.safetensors")
        peer.ask(f"export {path}")
        sides["SegBench"] = Steps([arguments.engine, name, path], arguments.threads)
        sides["PyTorch"] = peer
    else:
        sides["SegBench"] = Steps([arguments.engine, name], arguments.threads)
    rates = {side: {busy: [] for busy in COMPANIES} for side in sides}
    for side in sides.values():
        side.step()
    for round in range(arguments.rounds):
        for side, process in sides.items():
            if side == "PyTorch" and round >= arguments.peer_rounds:
                continue
            for busy in COMPANIES:
                with Busy(busy):
                    rates[side][busy].append(1 / process.step())
    for side in sides.values():
        side.close()
    return rates


def row(title, side, rates, threads):
    """The medians of the rates and, of each round's shares of its rate alone, the medians."""
    cells = [f"{statistics.median(rates[busy]):.3g}" for busy in COMPANIES]
    for busy in COMPANIES[1:]:
        shares = [there / alone for alone, there in zip(rates[0], rates[busy])]
        fair = threads / (threads + busy)
        share = statistics.median(shares)
        cells.append(f"{share:.2f} ({min(shares):.2f} to {max(shares):.2f})")
        cells.append(f"{share / fair:.2f}")
    return f"| {title} | {side} | {' | '.join(cells)} |"


def page(rows, arguments):
    fair = [arguments.threads / (arguments.threads + busy) for busy in COMPANIES[1:]]
    return "\n".join([
        "# Training in company", "",
        "Written by `make bench-company` (Benchmarks/peers/speed/company.py): training steps a second alone and beside one and two busy threads,",
        f"{arguments.threads} threads on {os.cpu_count()} cores, medians of {arguments.rounds} rounds in which all of them take turns,"
        f" {datetime.date.today().isoformat()}. A share is of the rate alone in the same",
        f"round (its range in parentheses); fair are {fair[0]:.2f} beside one and {fair[1]:.2f} beside two, and 1 in \"of fair\" is exactly that.", "",
        "| Training | By | Alone, steps/s | Beside one | Beside two | Share beside one | of fair | Share beside two | of fair |",
        "| --- | --- | --: | --: | --: | --: | --: | --: | --: |", *rows, ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segbench", required=True)
    parser.add_argument("--engine", required=True, help="the engine-benchmark executable")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer-rounds", type=int, default=3, help="PyTorch's, which take the longest")
    parser.add_argument("--seconds", type=float, default=6, help="how long the program is watched at a time")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--lines", default=",".join([*RUNS, *STEPS]), help="which, with commas between")
    parser.add_argument("--no-peer", dest="peer", action="store_false", help="leave PyTorch out")
    parser.add_argument("--no-record", dest="record", action="store_false", help="only print")
    arguments = parser.parse_args()
    arguments.peer = arguments.peer and importlib.util.find_spec("torch") is not None
    chosen = arguments.lines.split(",")
    for name in chosen:
        if name not in RUNS and name not in STEPS:
            sys.exit(f"there is no line {name}; there are {', '.join([*RUNS, *STEPS])}")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "Recipes", pathlib.Path(folder) / "Recipes")
        for name in chosen:
            title = RUNS[name][0] if name in RUNS else STEPS[name]
            found = (measure_run if name in RUNS else measure_steps)(name, arguments, folder)
            for side, rates in found.items():
                rows.append(row(title, side, rates, arguments.threads))
                print(rows[-1], flush=True)
    text = page(rows, arguments)
    if arguments.record and len(chosen) == len(RUNS) + len(STEPS):
        (HERE.parents[1] / "results" / "company.md").write_text(text)
    print(text)


main()
