"""The registry of methods. Imports torch only when a network is built.

A method is a package with the modules ``config`` (``Config``, ``PRESETS``, ``TITLE``, ``PAPER``), ``network``
(``build(config, weights) -> lab.network.Network``) and ``objective`` (``phases(config, network, pairs) ->
list[Phase]``), and the files ``ablations.toml`` and ``README.md``. If training sees the data in a way of its own,
``objective`` has ``training_pairs(config, splits, seed) -> TrainingPairs`` too. Optional modules are ``report``, which
adds pictures and numbers to reports (``Method.report``, ``Method.compare``), and ``published``, which reads weights
published by the paper's authors (``Method.initialise``). Other packages register methods in the entry point group
``sketchseek.methods``; the value of an entry names such a package.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from sketchseek.errors import InputError
from sketchseek.lab.config import override
from sketchseek.plugins import broken_plugin, plugins

if TYPE_CHECKING:
    from sketchseek.lab.backbones import Weights
    from sketchseek.lab.datasets.base import Split
    from sketchseek.lab.network import Network
    from sketchseek.lab.training.pairs import TrainingPairs

NOT_OVERRIDES = ("about", "curve", "x")  # keys of a row in ablations.toml that are not settings
# Every folder here is a method; the folder's name is its slug.
BUILT_IN = {m.name: f"{__name__}.{m.name}" for m in pkgutil.iter_modules(__path__) if m.ispkg}


@dataclass(frozen=True)
class Method:
    """A registered method. Its modules are imported when they are needed."""

    slug: str
    package: str

    def _module(self, name: str) -> ModuleType:
        """Import a module. Raises InputError if a method of another package cannot be imported."""
        try:
            return importlib.import_module(f"{self.package}.{name}")
        except (Exception, SystemExit) as error:
            if self.slug in BUILT_IN or isinstance(error, InputError):
                raise
            raise broken_plugin("method", self.slug, self.package, error) from error

    def _setting(self, name: str) -> Any:
        """A required name in ``config.py``. Raises InputError if it is missing."""
        module = self._module("config")
        if not hasattr(module, name):
            error = AttributeError(f"its config.py has no {name}")
            raise broken_plugin("method", self.slug, self.package, error)
        return getattr(module, name)

    @property
    def problem(self) -> str:
        """Why the method cannot be used, in one line; "" if its config and ablation rows can be read."""
        try:
            for name in ("TITLE", "PAPER", "Config"):
                self._setting(name)
            _ = self.presets, self.rows
        except InputError as error:
            return str(error)
        return ""

    @property
    def title(self) -> str:
        return str(self._setting("TITLE"))

    @property
    def paper(self) -> str:
        return str(self._setting("PAPER"))

    @property
    def published_as(self) -> tuple[str, ...]:
        """The method's names in tables of papers, as in ``results/published.csv``."""
        return getattr(self._module("config"), "PUBLISHED_AS", ())

    @property
    def config_type(self) -> type:
        return self._setting("Config")

    @property
    def presets(self) -> dict[str, Any]:
        presets = self._setting("PRESETS")
        if not isinstance(presets, dict):
            raise broken_plugin("method", self.slug, self.package, TypeError("its PRESETS is no dict"))
        return presets

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        """The ablation rows: row name -> overridden settings.

        ``about`` describes the row; ``curve`` and ``x`` tell which point of which curve of the paper it is.
        """
        try:
            return tomllib.loads((files(self.package) / "ablations.toml").read_text())
        except (OSError, ValueError, ModuleNotFoundError) as error:
            raise broken_plugin("method", self.slug, self.package, error) from error

    def config(self, preset: str, row: str | None = None) -> Any:
        """The config of a preset with the overrides of an ablation row. Raises InputError for unknown names."""
        if preset not in self.presets:
            raise InputError(f"{self.slug} has no preset '{preset}'; it has {', '.join(self.presets)}")
        config = self.presets[preset]
        if row is None:
            return config
        rows = self.rows
        if row not in rows:
            raise InputError(f"{self.slug} has no row '{row}'; it has {', '.join(rows)}")
        return override(config, {k: v for k, v in rows[row].items() if k not in NOT_OVERRIDES})

    def build(self, config: Any, weights: Weights = "random") -> Network:
        """Build the network, with ``weights`` for its backbone. Imports torch.

        Raises InputError for a network that breaks its contract (``lab.network``).
        """
        from sketchseek.lab.network import check_network

        return check_network(self.slug, self._module("network").build(config, weights))

    def initialise(self, network: Any, path: Path) -> None:
        """Load weights published by the paper's authors into the network (``published.initialise``). Imports torch.

        Raises InputError if the method has no such module, or if the file does not fit.
        """
        initialise = self._function("published", "initialise")
        if initialise is None:
            raise InputError(f"{self.slug} knows no published weights; use --weights or --start")
        initialise(network, path)

    def pairs(self, config: Any, splits: Sequence[Split], seed: int) -> TrainingPairs:
        """The training pairs of the splits, by ``objective.training_pairs`` if the method sees its data in a way of its
        own. Imports torch.
        """
        from sketchseek.lab.training.pairs import TrainingPairs

        make = self._function("objective", "training_pairs")
        return make(config, splits, seed) if make else TrainingPairs(splits, config.size, config.training, seed)

    def phases(self, config: Any, network: Any, pairs: Any) -> list[Any]:
        """The phases of training, in order. Imports torch."""
        return self._module("objective").phases(config, network, pairs)

    def report(self, folder: Path, network: Any, config: Any, split: Any, evaluation: Any) -> dict[str, Any]:
        """The method's own part of a report: draws into ``folder`` and returns numbers (JSON values). Imports torch.

        This calls ``report.write``; ``{}`` if the method has no such module.
        """
        write = self._function("report", "write")
        return write(folder, network, config, split, evaluation) if write else {}

    def compare(self, folder: Path, networks: dict[str, Any], config: Any, split: Any) -> None:
        """Draw a comparison of trained networks, given by label, into ``folder`` (``report.compare``, if it exists).

        ``config`` is that of one of them. Imports torch.
        """
        compare = self._function("report", "compare")
        if compare:
            compare(folder, networks, config, split)

    def _function(self, module: str, name: str) -> Any:
        """A function of an optional module; None if the module or the function does not exist."""
        if importlib.util.find_spec(f"{self.package}.{module}") is None:
            return None
        return getattr(self._module(module), name, None)


def methods() -> dict[str, Method]:
    """Every registered method by slug, built in or from an installed package.

    Some of the latter may not be usable; ``Method.problem`` tells why.
    """
    found = {entry.name: entry.value for entry in plugins("method").values()} | BUILT_IN
    return {slug: Method(slug, package) for slug, package in sorted(found.items())}


def get_method(slug: str) -> Method:
    """The method with that slug.

    Raises InputError for an unknown one, which lists those registered, and for one that cannot be used.
    """
    known = methods()
    if slug not in known:
        raise InputError(f"no method '{slug}'; registered are {', '.join(known)}")
    if known[slug].problem:
        raise InputError(known[slug].problem)
    return known[slug]
