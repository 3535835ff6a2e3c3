"""Training on photos only: make a sketch of each from its edges."""

from __future__ import annotations

from dataclasses import replace

from sketchseek.lab.datasets.base import Dataset, SketchItem, Split

TRACED = "sketches traced from the photos"


def with_traced_sketches(dataset: Dataset) -> Dataset:
    """If a data set has training photos but no training sketches, add a traced sketch for each photo.

    Other data sets are returned unchanged. If the test part has no sketches either, nothing can be tested, so its
    photos are added to the training photos, unless they have categories: then drawings of a category can be tested on
    them. Edges are traced later, when the pixels of a sketch are needed. ``variant`` becomes ``TRACED``.
    """
    if dataset.train.sketches or not dataset.train.photos:
        return dataset
    photos = dataset.train.photos
    if not dataset.test.sketches and not any(photo.category for photo in dataset.test.photos):
        photos += dataset.test.photos
    sketches = tuple(
        SketchItem(f"{photo.name}_edges", index, photo.path, category=photo.category, traced=True)
        for index, photo in enumerate(photos)
    )
    return replace(dataset, train=Split(photos, sketches), variant=TRACED)
