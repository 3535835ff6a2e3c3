"""One fine-tuning step of FVLP at full size, CLIP ViT-B/16 and BERT from stock folders: seconds and peak memory.

transformers writes both towers with random weights, and they are loaded as published ones are, every weight matched.
The step is the preset `paper`'s: 16 pairs, momentum copies, queues, matching, AdamW over everything. The memory is the
process's own at its highest, with weights, momentum copies, gradients and the optimiser's moments in it.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import torch
from transformers import BertConfig, BertModel, CLIPVisionConfig, CLIPVisionModel

from sketchseek.lab.config import override
from sketchseek.lab.datasets import open_dataset
from sketchseek.lab.memory import keep_freed_memory
from sketchseek.lab.methods import get_method
from sketchseek.synthetic import write_dataset

LENGTH = {"training.pairs": "107900", "training.epochs": "none"}  # as on FS2K-SDE1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args()

    keep_freed_memory()
    method = get_method("fvlp")
    config = override(method.config("paper"), {"training.batch": str(args.batch)} | LENGTH)
    with tempfile.TemporaryDirectory() as folder:
        write_dataset(Path(folder, "things"), 2 * args.batch, seed=0, drawers=1)
        split = open_dataset(f"synthetic:{folder}/things").train
        pairs = method.pairs(config, [split], seed=0)
        torch.manual_seed(0)
        stock = write_towers(Path(folder, "stock"))
        network = method.build(override(config, {"towers": str(stock)}), "pretrained")
        (phase,) = method.phases(config, network, pairs)
    (optimizer,) = phase.optimizers.values()
    network.train()
    started, losses = time.monotonic(), []
    for step in range(args.steps):
        torch.manual_seed(step)
        loss = phase.loss(network, phase.batch(step, torch.device("cpu")), step / args.steps)["loss"]
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    result = {
        "seconds_a_step": (time.monotonic() - started) / args.steps,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "parameters_in_millions": sum(p.numel() for p in network.parameters() if p.requires_grad) / 1e6,
        "first_loss": losses[0],
    }
    if args.json:
        print(json.dumps(result))
    else:
        print(
            f"{result['parameters_in_millions']:.0f} million parameters, {args.batch} pairs: "
            f"{result['seconds_a_step']:.1f} seconds a step, {result['peak_gib']:.1f} GiB at the highest"
        )
    return 0


def write_towers(folder: Path) -> Path:
    """CLIP's vision tower and BERT as transformers saves them, of random weights, with a vocabulary of BERT's size."""
    CLIPVisionModel(CLIPVisionConfig(patch_size=16)).save_pretrained(folder / "clip")
    BertModel(BertConfig(), add_pooling_layer=False).save_pretrained(folder / "bert")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(f"word{i}" for i in range(BertConfig().vocab_size - 4))]
    (folder / "bert" / "vocab.txt").write_text("\n".join(words) + "\n")
    return folder


if __name__ == "__main__":
    raise SystemExit(main())
