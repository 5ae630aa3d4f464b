"""Reference networks in PyTorch, written from the papers' descriptions: Hugging Face's DINOv3ViT under published key names,
and the Primus decoder in two dimensions. Tests and benchmarks compare SegBench's networks with them.
"""

import re

import torch
from torch import nn
from transformers import DINOv3ViTConfig, DINOv3ViTModel


def vision_transformer(width, depth, heads, patch, storage, key_bias=False, qkv_bias=True, eps=1e-5, mlp_ratio=4,
                       layer_scale=1e-5, drop_path=0.0):
    """Hugging Face's DINOv3ViT; the rotary coordinates are not augmented."""
    config = DINOv3ViTConfig(
        patch_size=patch, hidden_size=width, intermediate_size=width * mlp_ratio, num_hidden_layers=depth,
        num_attention_heads=heads, num_register_tokens=storage, query_bias=qkv_bias, key_bias=key_bias and qkv_bias,
        value_bias=qkv_bias, layer_norm_eps=eps, layerscale_value=layer_scale, drop_path_rate=drop_path,
        pos_embed_rescale=None)
    return DINOv3ViTModel(config)


@torch.no_grad()
def randomise(module, seed, scale=None):
    """Weights at which every part matters: LayerScale near 1, biases and norms away from 0 and 1."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in sorted(module.named_parameters()):
        noise = torch.randn(parameter.shape, generator=generator)
        if "lambda1" in name or re.search(r"norm\d?\.weight$", name):
            parameter.copy_(1 + 0.2 * noise)
        elif parameter.ndim > 1 and "token" not in name:
            fan_in = parameter[0].numel()
            parameter.copy_(noise * (scale or fan_in**-0.5))
        else:
            parameter.copy_(0.1 * noise)


def block_tokens(model, images, blocks):
    """Patch tokens [N, L, C] and class token [N, C] of the blocks, each through the final norm."""
    hidden = model.embeddings(images)
    position = model.rope_embeddings(images)
    result = {}
    # transformers 5 has put the blocks into a module of their own.
    for index, layer in enumerate(model.layer if hasattr(model, "layer") else model.model.layer):
        hidden = layer(hidden, position_embeddings=position)
        if index in blocks:
            normed = model.norm(hidden)
            result[index] = normed[:, 1 + model.config.num_register_tokens:], normed[:, 0]
    return result


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of [N, C, H, W]."""

    def __init__(self, channels, eps=1e-6):
        super().__init__()
        self.norm = nn.LayerNorm(channels, eps=eps)

    def forward(self, x):
        return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Primus(nn.Module):
    """log2(patch) times (2x2 stride-2 transposed convolution to half the width, LayerNorm, GELU), then a 1x1 convolution, on
    the joined patch tokens of the blocks."""

    def __init__(self, encoder, blocks, classes):
        super().__init__()
        self.encoder, self.blocks = encoder, blocks
        width = encoder.config.hidden_size * len(blocks)
        steps = []
        for _ in range(encoder.config.patch_size.bit_length() - 1):
            steps.append(nn.ModuleList([nn.ConvTranspose2d(width, width // 2, 2, 2), ChannelNorm(width // 2)]))
            width //= 2
        self.steps = nn.ModuleList(steps)
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, images):
        tokens = block_tokens(self.encoder, images.expand(-1, 3, -1, -1), self.blocks)
        x = torch.cat([tokens[index][0] for index in self.blocks], -1)
        patch = self.encoder.config.patch_size
        n, _, height, width = images.shape
        x = x.transpose(1, 2).reshape(n, -1, height // patch, width // patch)
        for upsample, norm in self.steps:
            x = nn.functional.gelu(norm(upsample(x)))
        return self.head(x)


def own_names(state):
    """SegBench's parameter names and shapes for a `Primus` module's tensors (or their gradients)."""
    rules = [
        (r"encoder\.embeddings\.cls_token", "encoder.classToken"),
        (r"encoder\.embeddings\.register_tokens", "encoder.storageTokens"),
        (r"encoder\.embeddings\.patch_embeddings", "encoder.patchEmbedding"),
        (r"encoder\.(model\.)?layer\.", "encoder.blocks."),
        (r"layer_scale(\d)\.lambda1", r"scale\1"),
        (r"attention\.q_proj", "attention.query"), (r"attention\.k_proj", "attention.key"),
        (r"attention\.v_proj", "attention.value"), (r"attention\.o_proj", "attention.output"),
        (r"mlp\.up_proj", "mlp.expand"), (r"mlp\.down_proj", "mlp.contract"),
        (r"^steps\.(\d+)\.0\.", r"decoder.steps.\1.upsample."),
        (r"^steps\.(\d+)\.1\.norm\.", r"decoder.steps.\1.norm."),
        (r"^head\.", "decoder.head."),
    ]
    result = {}
    for name, tensor in state.items():
        if "mask_token" in name or tensor is None or tensor.numel() == 0:
            continue
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        result[name] = (tensor.flatten(1) if name == "decoder.head.weight" else tensor).detach().contiguous()
    return result


def published_names(model, mask_k_bias=True):
    """A Hugging Face DINOv3ViT's weights as DINOv3's published checkpoints name them."""
    # Transformers 5 has "model." before the layers in memory; the published files have not.
    theirs = {name.removeprefix("model."): value for name, value in model.state_dict().items()}
    width = model.config.hidden_size
    result = {
        "cls_token": theirs["embeddings.cls_token"],
        "mask_token": theirs["embeddings.mask_token"][0],
        "patch_embed.proj.weight": theirs["embeddings.patch_embeddings.weight"],
        "patch_embed.proj.bias": theirs["embeddings.patch_embeddings.bias"],
        "rope_embed.periods": 100.0 ** (torch.arange(0, width // model.config.num_attention_heads // 4)
                                         * 4 / (width // model.config.num_attention_heads)),
        "norm.weight": theirs["norm.weight"], "norm.bias": theirs["norm.bias"],
    }
    if model.config.num_register_tokens:
        result["storage_tokens"] = theirs["embeddings.register_tokens"]
    for index in range(model.config.num_hidden_layers):
        ours, key = f"layer.{index}", f"blocks.{index}"
        for part in ("weight", "bias"):
            for norm in ("norm1", "norm2"):
                result[f"{key}.{norm}.{part}"] = theirs[f"{ours}.{norm}.{part}"]
            result[f"{key}.attn.proj.{part}"] = theirs[f"{ours}.attention.o_proj.{part}"]
            result[f"{key}.mlp.fc1.{part}"] = theirs[f"{ours}.mlp.up_proj.{part}"]
            result[f"{key}.mlp.fc2.{part}"] = theirs[f"{ours}.mlp.down_proj.{part}"]
        projections = [f"{ours}.attention.{letter}_proj" for letter in "qkv"]
        result[f"{key}.attn.qkv.weight"] = torch.cat([theirs[f"{p}.weight"] for p in projections])
        if model.config.query_bias:
            result[f"{key}.attn.qkv.bias"] = torch.cat(
                [theirs.get(f"{p}.bias", torch.zeros(width)) for p in projections])
            if mask_k_bias:
                result[f"{key}.attn.qkv.bias_mask"] = torch.cat(
                    [torch.ones(width), torch.zeros(width), torch.ones(width)])
        for number in "12":
            result[f"{key}.ls{number}.gamma"] = theirs[f"{ours}.layer_scale{number}.lambda1"]
    return result
