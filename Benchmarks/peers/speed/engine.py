"""The engine against PyTorch, eager and compiled: training steps and predictions of whole networks with the same weights on the same
batch, the sides taking turns on the same cores, each in a process of its own. Losses must agree to 1e-4.

    python Benchmarks/peers/speed/engine.py --engine .build/release/engine-benchmark [--cases vit-s,vit-b] [--before OTHER/engine-benchmark]

What was measured is kept in Benchmarks/results/engine.json, a case at a time, and results/engine.md is written from it.
"""

import argparse
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
RESULTS = HERE.parents[1] / "results"

from engine_cases import CASES
from engine_operations import OPERATIONS, TOLERANCES


class Side:
    """A process that computes a case when asked."""

    def __init__(self, command, threads, quiet=False):
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
            stderr=subprocess.PIPE if quiet else None)
        self.read()
        self.idle = self.memory("VmRSS")
        self.ready = self.ask("begin")

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            errors = self.process.stderr.read().strip().splitlines() if self.process.stderr else []
            raise RuntimeError(errors[-1] if errors else f"{self.process.args[0]} ended")
        return line.strip()

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.read()

    def numbers(self, command):
        return [float(word) for word in self.ask(command).split()]

    def memory(self, what):
        """In MiB, of the kernel's account of the process."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(what + ":"):
                return int(line.split()[1]) / 1024

    def forget_peak(self):
        pathlib.Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def compare(sides, command, rounds):
    """Every side's median time, the peak of its memory, and the greatest relative difference of their first results."""
    for side in sides.values():
        side.forget_peak()
    times, difference = {name: [] for name in sides}, 0
    for round in range(rounds + 1):
        results = {}
        for name, side in sides.items():
            results[name], seconds = side.numbers(command)
            if round > 0:
                times[name].append(seconds)
        ours = results["engine"]
        here = max(abs(ours - theirs) / abs(theirs) for theirs in results.values())
        difference = max(difference, here)
        print(f"  {command} {'warm-up' if round == 0 else round}: "
              + ", ".join(f"{name} {results[name]:.6f}" + (f" in {times[name][-1]:.3f} s" if round else "") for name in sides),
              flush=True)
        if command == "train" and here > 1e-4:
            sys.exit(f"the losses differ by {here:.1e}, more than 1e-4")
    return {name: {"seconds": statistics.median(times[name]), "best": min(times[name]), "worst": max(times[name]),
                   "peak_mib": side.memory("VmHWM"), "idle_mib": side.idle} for name, side in sides.items()}, difference


def profile(engine, steps=2):
    """Where the engine's time goes in a training step: shares by operation, the largest first."""
    engine.ask("times")
    total = sum(engine.numbers("train")[1] for _ in range(steps))
    times = [entry.rsplit(" ", 1) for entry in engine.ask("times").split(", ")]
    shares = {name: float(milliseconds) / 1000 / total for name, milliseconds in times}
    shares["optimiser, clipping, the rest"] = 1 - sum(shares.values())
    return shares


def measure(name, arguments):
    print(CASES[name][0], flush=True)
    peer = [sys.executable, str(HERE / "engine_peer.py"), name]
    sides, compiled_problem = {}, None
    with tempfile.TemporaryDirectory() as folder:
        eager = Side(peer + ["eager", str(arguments.threads)], arguments.threads)
        path = os.path.join(folder, "case.safetensors")
        eager.ask(f"export {path}")
        operations = eager.numbers("flops")
        sides["engine"] = Side([arguments.engine, name, path], arguments.threads)
        if arguments.before:
            sides["before"] = Side([arguments.before, name, path], arguments.threads)
    sides["eager"] = eager
    print(f"  engine {sides['engine'].ready}; {eager.ready}", flush=True)
    rates = {"engine": [], "PyTorch": []}

    def measure_rates():
        for _ in range(2):
            rates["engine"] += sides["engine"].numbers("gemm")
            rates["PyTorch"] += eager.numbers("gemm")

    measure_rates()  # and at the end: torch.compile leaves workers behind that compute for a while
    if arguments.compiled:
        try:
            compiled = Side(peer + ["compiled", str(arguments.threads)], arguments.threads, quiet=True)
            compiled.ask("predict")
            # The compiled side takes its first step beside fresh weights, so that all three stay in step.
            sides["compiled"] = compiled
        except RuntimeError as error:
            compiled_problem = str(error)
            print("  torch.compile does not run here:", compiled_problem)
    found = {"title": CASES[name][0], "date": datetime.date.today().isoformat(), "engine": sides["engine"].ready,
             "peer": eager.ready, "compiled_problem": compiled_problem, "operations": dict(zip(("train", "predict"), operations))}
    for command in ("predict", "train"):
        found[command], found[command + "_difference"] = compare(sides, command, arguments.rounds)
    measure_rates()
    found["sgemm"] = {side: max(values) for side, values in rates.items()}
    found["profile"] = profile(sides["engine"])
    for side in sides.values():
        side.close()
    return found


def measure_operations(arguments):
    """The median seconds of every operation, forward and all gradients, ours and PyTorch's in turn."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(arguments.threads)}

    def start(command):
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        process.stdout.readline()
        return process

    def ask(process, command):
        process.stdin.write(command + "\n")
        process.stdin.flush()
        return process.stdout.readline().split()

    peer = start([sys.executable, str(HERE / "engine_operations.py"), str(arguments.threads)])
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "operations.safetensors")
        ask(peer, f"export {path}")
        engine = start([arguments.engine, "operations", path])
        for name, (sizes, _, _) in OPERATIONS.items():
            times = {"engine": [], "eager": []}
            for round in range(4 * arguments.rounds + 2):
                (ours, here), (theirs, there) = [map(float, ask(side, f"run {name}")) for side in (engine, peer)]
                if abs(ours - theirs) > TOLERANCES.get(name, 1e-4) * max(1, abs(theirs)):
                    sys.exit(f"{name}: the outputs' means are {ours} and {theirs}")
                if round > 1:
                    times["engine"].append(here)
                    times["eager"].append(there)
            found[name] = {"sizes": sizes} | {side: statistics.median(values) for side, values in times.items()}
            print(f"  {name}: {found[name]['eager'] / found[name]['engine']:.2f} times as fast", flush=True)
    for side in (engine, peer):
        side.stdin.close()
        side.wait()
    return {"date": datetime.date.today().isoformat(), "threads": arguments.threads, "rows": found}


def operations_table(found):
    lines = [
        "", "## Operations one by one", "",
        f"Forward and all gradients, the median of rounds in which the sides take turns, {found['threads']} threads, {found['date']}; PyTorch's eager.",
        "Where the engine's operation is several of PyTorch's, those are taken together.", "",
        "| Operation | Sizes | Engine, ms | PyTorch, ms | times as fast |", "| --- | --- | --: | --: | --: |"]
    for name, row in found["rows"].items():
        lines.append(f"| {name} | {row['sizes']} | {row['engine'] * 1e3:.2f} | {row['eager'] * 1e3:.2f}"
                     f" | {row['eager'] / row['engine']:.2f} |")
    return lines


def versions(cases):
    """Another version of the engine beside this one, in the same rounds."""
    if not cases:
        return []
    lines = ["", "## Against another version", "", "The engine of --before, in the same rounds.", "",
             "| Case | What | Engine, s | Before, s | times as fast |", "| --- | --- | --: | --: | --: |"]
    for case in cases:
        for command, title in (("train", "training step"), ("predict", "prediction")):
            ours, before = case[command]["engine"]["seconds"], case[command]["before"]["seconds"]
            lines.append(f"| {case['title']} | {title} | {ours:.3f} | {before:.3f} | {before / ours:.2f} |")
    return lines


def table(results):
    lines = [
        "# The engine against PyTorch", "",
        "Written by `make bench-engine` (Benchmarks/peers/speed/engine.py): medians of rounds in which the sides take turns, same weights and",
        "batch, losses equal to 1e-4 at every step. Memory is the most a process held during the rounds, less what it held before it",
        "built the network. The share is of the best single-precision matrix product measured in the same run, whosever it was;",
        "operations are counted by PyTorch (matrix products, convolutions, attention).", "",
        "| Case | What | Engine, s | Eager, s | times as fast | Compiled, s | times as fast | GF/s | of SGEMM | Memory, MiB | Eager's |",
        "| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |",
    ]
    for name in [name for name in CASES if name in results]:
        case = results[name]
        best = max(case["sgemm"].values())
        for command, title in (("train", "training step"), ("predict", "prediction")):
            row = case[command]
            ours, eager, compiled = row["engine"], row["eager"], row.get("compiled")
            rate = case["operations"][command] / ours["seconds"] / 1e9
            lines.append(
                f"| {case['title'] if command == 'train' else ''} | {title} | {ours['seconds']:.3f} | {eager['seconds']:.3f}"
                f" | {eager['seconds'] / ours['seconds']:.2f}"
                + (f" | {compiled['seconds']:.3f} | {compiled['seconds'] / ours['seconds']:.2f}" if compiled else " | - | -")
                + f" | {rate:.0f} | {rate / best:.0%} | {ours['peak_mib'] - ours['idle_mib']:.0f}"
                f" | {eager['peak_mib'] - eager['idle_mib']:.0f} |")
    lines.append("")
    for name in [name for name in CASES if name in results]:
        case = results[name]
        lines.append(
            f"- {case['title']}: {case['date']}, engine {case['engine'].removeprefix('ready ')}; {case['peer'].removeprefix('ready ')};"
            f" SGEMM {case['sgemm']['engine']:.0f} GF/s (engine), {case['sgemm']['PyTorch']:.0f} (PyTorch);"
            f" losses differed by at most {case['train_difference']:.1e}."
            + (f" torch.compile did not run: {case['compiled_problem']}" if case["compiled_problem"] else ""))
    lines += versions([results[name] for name in CASES if name in results and "before" in results[name]["train"]])
    lines += ["", "## Where the engine's time goes", "", "Shares of a training step's time, those of at least 1%.", ""]
    for name in [name for name in CASES if name in results]:
        shares = sorted(results[name]["profile"].items(), key=lambda entry: -entry[1])
        lines.append(f"- {results[name]['title']}: " + ", ".join(f"{what} {share:.0%}" for what, share in shares if share >= 0.01) + ".")
    if "operations" in results:
        lines += operations_table(results["operations"])
    return "\n".join(lines) + "\n"


def write(path, text):
    aside = path.with_suffix(".new")
    aside.write_text(text)
    os.replace(aside, path)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--engine", required=True, help="the engine-benchmark executable")
parser.add_argument("--before", help="the engine-benchmark executable of another version, to be measured in the same rounds")
parser.add_argument("--cases", default=",".join([*CASES, "operations"]), help="which, with commas between")
parser.add_argument("--threads", type=int, default=os.cpu_count())
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--no-compiled", dest="compiled", action="store_false", help="leave torch.compile out")
parser.add_argument("--no-record", dest="record", action="store_false", help="only print")
arguments = parser.parse_args()

store = RESULTS / "engine.json"
results = json.loads(store.read_text()) if store.exists() else {}
chosen = arguments.cases.split(",")
for name in chosen:
    if name not in CASES and name != "operations":
        sys.exit(f"there is no case {name}; there are {', '.join(CASES)} and operations")
for name in chosen:
    results[name] = measure_operations(arguments) if name == "operations" else measure(name, arguments)
    if arguments.record:
        RESULTS.mkdir(exist_ok=True)
        write(store, json.dumps(results, indent=1) + "\n")
        write(RESULTS / "engine.md", table(results))
print(table({name: results[name] for name in chosen}))
