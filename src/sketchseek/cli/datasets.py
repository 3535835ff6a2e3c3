"""``sketchseek datasets``"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Args:
    """List the data sets: what each should contain, its licence, and where to get it."""

    json: bool = False
    """Print JSON."""


def run(args: Args) -> int:
    from sketchseek.cli.output import print_json
    from sketchseek.errors import InputError
    from sketchseek.lab.datasets import entry_of, slugs

    entries, problems = [], []
    for slug in slugs():
        try:
            entries.append(entry_of(slug))
        except InputError as error:
            problems.append(str(error))
    if args.json:
        print_json([entry.to_json() for entry in entries])
        return 0
    for entry in entries:
        print(f"{entry.slug}: {entry.title}")
        for variant in entry.variants:
            print(f"    published (training/test): {variant.name}")
            if variant.train_photos is not None:
                print(f"        of {variant.train_photos:,}/{variant.test_photos:,} photos")
        print(f"    sketches: {entry.holds}; {entry.state}")
        print(f"    layout: {entry.layout}")
        print(f"    licence: {entry.licence}")
        print(f"    get it: {entry.get}")
    for problem in problems:
        print(problem)
    return 0
