"""Procedural furniture and household objects as photos, hand-like sketches and words. Needs numpy and Pillow only."""

from sketchseek.synthetic.dataset import Thing, generate, things, write_dataset

__all__ = ["Thing", "generate", "things", "write_dataset"]
