"""Procedurally generated household objects: rendered photos, sketches like people's, and descriptions.

Needs only numpy and Pillow.
"""

from sketchseek.synthetic.dataset import Thing, generate, things, write_dataset

__all__ = ["Thing", "generate", "things", "write_dataset"]
