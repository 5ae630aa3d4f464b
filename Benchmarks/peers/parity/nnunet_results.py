"""nnU-Net's own predictor on a run exported in its results layout, beside the run's own predictions.

    python Benchmarks/peers/parity/nnunet_results.py [--segbench .build/release/segbench]

Trains nnU-Net's row at the quick profile in a folder of its own, exports it with `segbench export nnunet`, lets nnunetv2 predict the
validation case from the exported folder, and prints the share of voxels that differ. Ends with 1 when it is above 0.001.
"""

import argparse
import os
import pathlib
import sys

os.environ.update(nnUNet_raw="unused", nnUNet_preprocessed="unused", nnUNet_results="unused")

import nibabel
import numpy as np
import torch
from quick_runs import ROOT, workspace
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

RECIPE = "Recipes/meddinov3/table2/amos22-nnu-net.yaml"
BOUND = 1e-3

if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--segbench", default=str(ROOT / ".build/release/segbench"))
    with workspace(arguments.parse_args().segbench) as (home, run):
        words = ["--profile", "quick", "--set", "training.epochs=12"]
        run("run", RECIPE, *words)
        model = pathlib.Path(run("export", "nnunet", RECIPE, *words, "--output", "results"))
        own = next((model / "fold_0/validation").glob("*.nii.gz"))
        case = own.name.removesuffix(".nii.gz")
        image = next(home.glob(f"data/phantoms/*/imagesTr/{case}_0000.nii.gz"))
        predictor = nnUNetPredictor(use_mirroring=False, device=torch.device("cpu"), perform_everything_on_device=False, allow_tqdm=False)
        predictor.initialize_from_trained_model_folder(str(model), use_folds=(0,), checkpoint_name="checkpoint_final.pth")
        predictor.predict_from_files([[str(image)]], [str(home / case)], num_processes_preprocessing=1, num_processes_segmentation_export=1)
        theirs, ours = (np.asarray(nibabel.load(path).dataobj) for path in (home / f"{case}.nii.gz", own))
        share = float((theirs != ours).mean())
        print(f"\n{case}: {theirs.shape}, {np.unique(ours).size} labels; nnunetv2 and segbench differ in {share:.2%} of the voxels (bound {BOUND:.1%})")
    sys.exit(share > BOUND)
