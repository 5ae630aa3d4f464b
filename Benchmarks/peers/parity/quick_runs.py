"""Runs at the quick profile in a folder of their own, for scripts that hold what segbench exports against its readers."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]


@contextlib.contextmanager
def workspace(segbench):
    """A workspace with the shipped recipes, and a function that runs segbench there and returns what it printed."""
    program = str(pathlib.Path(segbench).resolve())
    with tempfile.TemporaryDirectory() as name:
        home = pathlib.Path(name)
        shutil.copytree(ROOT / "Recipes", home / "Recipes")
        environment = dict(os.environ, SEGBENCH_HOME=name)

        def run(*words):
            return subprocess.run(
                [program, *words], cwd=home, env=environment, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            ).stdout.strip()

        yield home, run
