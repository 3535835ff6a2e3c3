"""The registry of methods. No torch until a method's network is asked for.

A method is a package with the modules ``config`` (``Config``, ``PRESETS``, ``TITLE``, ``PAPER``), ``network``
(``build(config, weights) -> nn.Module``) and ``objective`` (``phases(config, network, pairs) -> list[Phase]``), and
the files
``ablations.toml`` and ``README.md``. Others register theirs through the entry point group ``sketchseek.methods``, whose
values name such a package.
"""

from __future__ import annotations

import importlib
import pkgutil
import tomllib
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.resources import files
from types import ModuleType
from typing import Any

from sketchseek.errors import InputError
from sketchseek.lab.config import override

# Every folder in here is a method, its name the slug.
BUILT_IN = {m.name: f"{__name__}.{m.name}" for m in pkgutil.iter_modules(__path__) if m.ispkg}


@dataclass(frozen=True)
class Method:
    """One registered method; its modules are imported when asked for."""

    slug: str
    package: str

    def _module(self, name: str) -> ModuleType:
        return importlib.import_module(f"{self.package}.{name}")

    @property
    def title(self) -> str:
        return self._module("config").TITLE

    @property
    def paper(self) -> str:
        return self._module("config").PAPER

    @property
    def config_type(self) -> type:
        return self._module("config").Config

    @property
    def presets(self) -> dict[str, Any]:
        return self._module("config").PRESETS

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        """The ablation rows of the paper: row name -> overrides."""
        return tomllib.loads((files(self.package) / "ablations.toml").read_text())

    def config(self, preset: str, row: str | None = None) -> Any:
        """The config of a preset, with the overrides of an ablation row."""
        if preset not in self.presets:
            raise InputError(f"{self.slug} has no preset '{preset}'; it has {', '.join(self.presets)}")
        config = self.presets[preset]
        if row is None:
            return config
        rows = self.rows
        if row not in rows:
            raise InputError(f"{self.slug} has no row '{row}'; it has {', '.join(rows)}")
        return override(config, {k: v for k, v in rows[row].items() if k != "about"})

    def build(self, config: Any, weights: str = "random") -> Any:
        """The network; ``weights`` as in ``build_backbone``. Imports torch."""
        return self._module("network").build(config, weights)

    def phases(self, config: Any, network: Any, pairs: Any) -> list[Any]:
        """What the training loop runs, in order. Imports torch."""
        return self._module("objective").phases(config, network, pairs)


def methods() -> dict[str, Method]:
    """Every registered method by slug, built in or from an installed package."""
    found = dict(BUILT_IN) | {e.name: e.value for e in entry_points(group="sketchseek.methods")}
    return {slug: Method(slug, package) for slug, package in sorted(found.items())}


def get_method(slug: str) -> Method:
    """Raises InputError naming the registered ones."""
    known = methods()
    if slug not in known:
        raise InputError(f"no method '{slug}'; registered are {', '.join(known)}")
    return known[slug]
