"""Writes, by nnU-Net's own trainer after one step, the small checkpoint that Tests/NetworksTests reads. Needs nnunetv2."""

import os
import pathlib
import pickletools
import tempfile
import zipfile

FIXTURE = pathlib.Path(__file__).parents[2] / "Tests/NetworksTests/Fixtures/nnunet_checkpoint.pth"
root = pathlib.Path(tempfile.mkdtemp())
for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
    os.environ[name] = str(root / name)
    (root / name / "Dataset001_Tiny/nnUNetPlans_2d").mkdir(parents=True)
(root / "nnUNet_preprocessed/Dataset001_Tiny/nnUNetPlans_2d/a.b2nd").touch()

import numpy as np
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

NETWORK = {
    "n_stages": 3, "features_per_stage": [4, 8, 8], "conv_op": "torch.nn.modules.conv.Conv2d", "kernel_sizes": [[3, 3]] * 3,
    "strides": [[1, 1], [2, 2], [2, 2]], "n_conv_per_stage": [1, 1, 1], "n_conv_per_stage_decoder": [1, 1], "conv_bias": True,
    "norm_op": "torch.nn.modules.instancenorm.InstanceNorm2d", "norm_op_kwargs": {"eps": 1e-5, "affine": True},
    "dropout_op": None, "dropout_op_kwargs": None, "nonlin": "torch.nn.LeakyReLU", "nonlin_kwargs": {"inplace": True}}
RESAMPLING = {f"resampling_fn_{what}{part}": {} if part else "resample_data_or_seg_to_shape"
              for what in ("data", "seg", "probabilities") for part in ("", "_kwargs")}
CONFIGURATION = {
    "data_identifier": "nnUNetPlans_2d", "preprocessor_name": "DefaultPreprocessor", "batch_size": 2,
    "patch_size": [16, 16], "median_image_size_in_voxels": [16, 16], "spacing": [1.0, 1.0],
    "normalization_schemes": ["CTNormalization"], "use_mask_for_norm": [False], "batch_dice": True, **RESAMPLING,
    "architecture": {"network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
                     "arch_kwargs": NETWORK, "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"]}}
PLANS = {
    "dataset_name": "Dataset001_Tiny", "plans_name": "nnUNetPlans", "image_reader_writer": "SimpleITKIO",
    "original_median_spacing_after_transp": [1, 1, 1], "original_median_shape_after_transp": [1, 8, 8],
    "transpose_forward": [0, 1, 2], "transpose_backward": [0, 1, 2], "experiment_planner_used": "ExperimentPlanner",
    "label_manager": "LabelManager", "continue_training": False, "configurations": {"2d": CONFIGURATION},
    "foreground_intensity_properties_per_channel": {"0": {"mean": 1.0, "std": 1.0}}}
DATASET = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1}, "numTraining": 5, "file_ending": ".nii.gz"}

torch.manual_seed(0)
torch.set_num_threads(1)
trainer = nnUNetTrainer(PLANS, "2d", 0, DATASET, device=torch.device("cpu"))
trainer.initialize()
network = getattr(trainer.network, "_orig_mod", trainer.network)
outputs = network(torch.randn(2, 1, 16, 16))
sum(o.mean() for o in (outputs if isinstance(outputs, (list, tuple)) else [outputs])).backward()
trainer.optimizer.step()
# What a validation leaves in the logs: NumPy's numbers.
trainer._best_ema = np.float64(0.5)
trainer.logger.log("mean_fg_dice", np.float64(0.25), 0)
trainer.logger.log("train_losses", np.float32(1.5), 0)
trainer.save_checkpoint(str(FIXTURE))
with zipfile.ZipFile(FIXTURE) as archive:
    data = archive.read(next(n for n in archive.namelist() if n.endswith("data.pkl")))
names = {argument for opcode, argument, _ in pickletools.genops(data) if opcode.name == "GLOBAL"}
print(f"{FIXTURE}: {FIXTURE.stat().st_size} bytes; its pickle names {', '.join(sorted(names))}")
