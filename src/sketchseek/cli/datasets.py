"""``sketchseek datasets``"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Args:
    """List the data sets: what each should contain, on which terms, and where it comes from."""

    json: bool = False
    """Print JSON."""


def run(args: Args) -> int:
    from dataclasses import asdict

    from sketchseek.cli.output import print_json
    from sketchseek.lab.datasets.catalogue import CATALOGUE

    if args.json:
        print_json([asdict(entry) for entry in CATALOGUE.values()])
        return 0
    for entry in CATALOGUE.values():
        print(f"{entry.slug}: {entry.title}")
        for variant in entry.variants:
            print(f"    published (training/test): {variant.name}")
            if variant.train_photos is not None:
                print(f"        of {variant.train_photos:,}/{variant.test_photos:,} photos")
        print(f"    sketches: {entry.holds}; {entry.state}")
        print(f"    layout: {entry.layout}")
        print(f"    licence: {entry.licence}")
        print(f"    get it: {entry.get}")
    return 0
