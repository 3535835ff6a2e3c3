"""Procedural furniture and household objects as photos, hand-like sketches and words. Needs numpy and Pillow only."""

from sketchseek.synthetic.dataset import (
    CATEGORIES,
    Thing,
    contact_sheet,
    generate,
    things,
    write_dataset,
    write_photos,
)

__all__ = ["CATEGORIES", "Thing", "contact_sheet", "generate", "things", "write_dataset", "write_photos"]
