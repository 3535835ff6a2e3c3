"""``sketchseek doctor DATASET DIR``"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

from sketchseek.errors import InputError

if TYPE_CHECKING:
    from sketchseek.lab.datasets.base import Dataset
    from sketchseek.lab.datasets.doctor import Finding


@dataclass(frozen=True)
class Args:
    """Check a copy of a data set: open every image, and list files that are broken, unpaired or in both parts.

    The exit code is 0 for a sound copy and 1 where something is broken or unpaired.
    """

    dataset: tyro.conf.Positional[str]
    """The data set's name; `sketchseek datasets` lists them."""
    directory: tyro.conf.Positional[Path]
    """The folder that holds the copy."""
    json: bool = False
    """Print JSON."""


def run(args: Args) -> int:
    from sketchseek.cli.output import print_json
    from sketchseek.cli.progress import progress
    from sketchseek.lab.datasets import entry_of, read_dataset, slug_of
    from sketchseek.lab.datasets.base import Dataset, Split
    from sketchseek.lab.datasets.doctor import examine, images_of

    slug = slug_of(args.dataset)
    if not args.directory.is_dir():
        raise InputError(f"{args.directory}: no such folder; to get {slug}: {entry_of(slug).get}")
    try:
        dataset = read_dataset(slug, args.directory)
    except InputError as error:
        dataset = Dataset(slug, args.directory, Split(), Split(), problems=(str(error),))
    total = len(images_of(dataset.train)) + len(images_of(dataset.test))
    if total:
        with progress("opening images", total) as advance:
            finding = examine(dataset, advance)
    else:
        finding = examine(dataset)
    report = _report(dataset, finding)
    if args.json:
        print_json(report)
    else:
        _print(report)
    return 1 if finding.problems else 0


def _report(dataset: Dataset, finding: Finding) -> dict[str, Any]:
    from sketchseek.lab.datasets import entry_of

    entry = entry_of(dataset.slug)
    parts = {}
    for part, split in (("train", dataset.train), ("test", dataset.test)):
        pairs = sum(sketch.photo >= 0 for sketch in split.sketches)
        parts[part] = {"photos": len(split.photos), "sketches": len(split.sketches), "pairs": pairs}
    return {
        "dataset": dataset.slug,
        "directory": str(dataset.root),
        "files": finding.files,
        **parts,
        "variant": dataset.variant,
        "published": [variant.name for variant in entry.variants],
        "problems": list(finding.problems),
        "duplicates": list(finding.duplicates),
        "layout": entry.layout,
        "get": entry.get,
    }


def _print(report: dict[str, Any]) -> None:
    print(f"{report['dataset']} in {report['directory']}: {report['files']:,} files")
    for part in ("train", "test"):
        count = report[part]
        print(f"{part:>6}: {count['photos']:,} photos, {count['sketches']:,} sketches, {count['pairs']:,} pairs")
    if report["variant"]:
        print(f"matches the published release: {report['variant']}")
    elif report["published"]:
        print(f"matches none of the published releases: {'; '.join(report['published'])}")
    for title, lines in (("broken or unpaired", report["problems"]), ("in training and in test", report["duplicates"])):
        print(f"{title}: {len(lines) or 'nothing'}")
        for line in lines:
            print(f"  {line}")
    if report["problems"]:
        print(f"layout: {report['layout']}\nget it: {report['get']}")
