"""One training step of a ViT with the multi-scale Primus decoder, ours against the same model in PyTorch eager: same weights,
same batch, same loss, both sides alternating on the same cores. Prints both times and their ratio.

    python Benchmarks/peers/vit_step.py --engine .build/release/engine-benchmark [--width 384] [--batch 2] [--size 448]
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

arguments = argparse.ArgumentParser(description=__doc__)
arguments.add_argument("--engine", required=True, help="the engine-benchmark executable")
arguments.add_argument("--width", type=int, default=384)
arguments.add_argument("--depth", type=int, default=12)
arguments.add_argument("--heads", type=int, default=6)
arguments.add_argument("--patch", type=int, default=16)
arguments.add_argument("--batch", type=int, default=2)
arguments.add_argument("--size", type=int, default=448)
arguments.add_argument("--classes", type=int, default=16)
arguments.add_argument("--threads", type=int, default=2)
arguments.add_argument("--rounds", type=int, default=5)
arguments.add_argument("--processor-time", action="store_true",
                       help="compare processor time instead of wall time: for one thread on a busy machine")
arguments.add_argument("--profile", action="store_true", help="also say where the engine's time goes")
arguments = arguments.parse_args()
clock = time.process_time if arguments.processor_time else time.perf_counter
os.environ["OMP_NUM_THREADS"] = str(arguments.threads)

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from vit_reference import Primus, own_names, randomise, vision_transformer

torch.set_num_threads(arguments.threads)
torch.manual_seed(0)
blocks = [quarter * arguments.depth // 4 - 1 for quarter in (1, 2, 3, 4)]
model = Primus(
    vision_transformer(arguments.width, arguments.depth, arguments.heads, arguments.patch, 4), blocks, arguments.classes)
randomise(model, 1)
images = torch.randn(arguments.batch, 1, arguments.size, arguments.size)
labels = torch.randint(arguments.classes, (arguments.batch, arguments.size, arguments.size))
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, betas=(0.9, 0.98), weight_decay=5e-2)


def soft_dice(logits):
    """nnU-Net's soft Dice over the batch without the background."""
    p = logits.softmax(1)[:, 1:]
    with torch.no_grad():
        truth = torch.zeros_like(logits, dtype=torch.bool).scatter_(1, labels[:, None], True)[:, 1:]
        size = truth.sum((0, 2, 3))
    both, predicted = (p * truth).sum((0, 2, 3)), p.sum((0, 2, 3))
    return -((2 * both + 1e-5) / torch.clip(size + predicted + 1e-5, 1e-8)).mean()


def their_step():
    start = clock()
    optimizer.zero_grad(set_to_none=True)
    logits = model(images)
    loss = soft_dice(logits) + F.cross_entropy(logits, labels)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 12)
    optimizer.step()
    return loss.item(), clock() - start


with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder) / "step.safetensors"
    save_file({**own_names(model.state_dict()), "batch.images": images, "batch.labels": labels.float(),
               "batch.heads": torch.tensor([float(arguments.heads)])}, path)
    engine = subprocess.Popen([arguments.engine, "vit-step", str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True)
    ready = engine.stdout.readline().strip()

    def ask(command):
        engine.stdin.write(command + "\n")
        engine.stdin.flush()
        return engine.stdout.readline().strip()

    def our_step():
        loss, wall, processor = map(float, ask("step").split())
        return loss, processor if arguments.processor_time else wall

    print(f"engine {ready}; PyTorch {torch.__version__}, {torch.get_num_threads()} threads")
    ours, theirs = [], []
    for round in range(arguments.rounds + 1):
        (our_loss, our_time), (their_loss, their_time) = our_step(), their_step()
        difference = abs(our_loss - their_loss) / abs(their_loss)
        print(f"{'warm-up' if round == 0 else f'round {round}'}: engine {our_time:.4f} s, loss {our_loss:.6f};"
              f" PyTorch {their_time:.4f} s, loss {their_loss:.6f}; losses differ by {difference:.1e}")
        assert difference < 1e-4, "the losses differ"
        if round > 0:
            ours.append(our_time)
            theirs.append(their_time)
        if arguments.profile:
            times = ask("times")
            if round == arguments.rounds:
                print("engine, ms:", times)
    print(f"engine {statistics.median(ours):.4f} s, PyTorch {statistics.median(theirs):.4f} s:"
          f" {statistics.median(theirs) / statistics.median(ours):.2f} times as fast;"
          f" the engine's tensors at most {int(ask('memory')) / 2**20:.0f} MiB")
    engine.stdin.close()
    engine.wait()
