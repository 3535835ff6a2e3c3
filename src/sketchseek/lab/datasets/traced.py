"""Training on photos alone: a sketch of each, made of its own edges."""

from __future__ import annotations

from dataclasses import replace

from sketchseek.lab.datasets.base import Dataset, SketchItem, Split

TRACED = "sketches traced from the photos"


def with_traced_sketches(dataset: Dataset) -> Dataset:
    """A data set whose training photos have no sketch gets one of each; others come back as they are.

    Where the test part has no sketches either there is nothing to test, and its photos are for training too. The
    sketches are made when their pixels are asked for, and ``variant`` says that nobody drew them.
    """
    if dataset.train.sketches or not dataset.train.photos:
        return dataset
    photos = dataset.train.photos
    if not dataset.test.sketches:
        photos += dataset.test.photos
    sketches = tuple(
        SketchItem(f"{photo.name}_edges", index, photo.path, category=photo.category, traced=True)
        for index, photo in enumerate(photos)
    )
    return replace(dataset, train=Split(photos, sketches), variant=TRACED)
