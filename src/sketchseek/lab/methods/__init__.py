"""The registry of methods. No torch until a method's network is asked for.

A method is a package with the modules ``config`` (``Config``, ``PRESETS``, ``TITLE``, ``PAPER``), ``network``
(``build(config, weights) -> lab.network.Network``) and ``objective`` (``phases(config, network, pairs) ->
list[Phase]``), and the files ``ablations.toml`` and ``README.md``. A module ``report`` may add pictures and numbers of
its own (``Method.report``, ``Method.compare``), a module ``published`` reads weights that the paper's authors published
(``Method.initialise``). Others register theirs through the entry point group ``sketchseek.methods``,
whose values name such a package.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import tomllib
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
    from sketchseek.lab.network import Network

NOT_OVERRIDES = ("about", "curve", "x")  # what a row of ablations.toml says besides
# Every folder in here is a method, its name the slug.
BUILT_IN = {m.name: f"{__name__}.{m.name}" for m in pkgutil.iter_modules(__path__) if m.ispkg}


@dataclass(frozen=True)
class Method:
    """One registered method; its modules are imported when asked for."""

    slug: str
    package: str

    def _module(self, name: str) -> ModuleType:
        """Raises InputError for a method of another package that cannot be imported."""
        try:
            return importlib.import_module(f"{self.package}.{name}")
        except Exception as error:
            if self.slug in BUILT_IN or isinstance(error, InputError):
                raise
            raise broken_plugin("method", self.slug, self.package, error) from error

    def _setting(self, name: str) -> Any:
        """What ``config.py`` defines under a name that it must have."""
        module = self._module("config")
        if not hasattr(module, name):
            error = AttributeError(f"its config.py has no {name}")
            raise broken_plugin("method", self.slug, self.package, error)
        return getattr(module, name)

    @property
    def problem(self) -> str:
        """Why the method cannot be used, one line; empty where its config and rows can be read."""
        try:
            for name in ("TITLE", "PAPER", "Config", "PRESETS"):
                self._setting(name)
            _ = self.rows
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
        """The names under which papers print figures of this method, as in ``results/published.csv``."""
        return getattr(self._module("config"), "PUBLISHED_AS", ())

    @property
    def config_type(self) -> type:
        return self._setting("Config")

    @property
    def presets(self) -> dict[str, Any]:
        return self._setting("PRESETS")

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        """The ablation rows of the paper: row name -> overrides; ``about`` says what the row is, ``curve`` and ``x``
        which point of which curve of the paper it is.
        """
        try:
            return tomllib.loads((files(self.package) / "ablations.toml").read_text())
        except (OSError, ValueError, ModuleNotFoundError) as error:
            raise broken_plugin("method", self.slug, self.package, error) from error

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
        return override(config, {k: v for k, v in rows[row].items() if k not in NOT_OVERRIDES})

    def build(self, config: Any, weights: Weights = "random") -> Network:
        """The network, its backbone with these first weights. Imports torch. Raises InputError for a network that
        breaks its contract (``lab.network``).
        """
        from sketchseek.lab.network import check_network

        return check_network(self.slug, self._module("network").build(config, weights))

    def initialise(self, network: Any, path: Path) -> None:
        """Put the weights that the paper's authors published into the network, ``published.initialise``. Imports torch.

        Raises InputError where the method has no such module and where the file does not fit.
        """
        initialise = self._function("published", "initialise")
        if initialise is None:
            raise InputError(f"{self.slug} knows no published weights; use --weights or --start")
        initialise(network, path)

    def phases(self, config: Any, network: Any, pairs: Any) -> list[Any]:
        """What the training loop runs, in order. Imports torch."""
        return self._module("objective").phases(config, network, pairs)

    def report(self, folder: Path, network: Any, config: Any, split: Any, evaluation: Any) -> dict[str, Any]:
        """What the method alone can show of a trained network on a split: ``report.write`` draws into ``folder`` and
        returns numbers (JSON values). Nothing, ``{}``, without that module. Imports torch.
        """
        write = self._function("report", "write")
        return write(folder, network, config, split, evaluation) if write else {}

    def compare(self, folder: Path, networks: dict[str, Any], config: Any, split: Any) -> None:
        """Draw several trained networks side by side into ``folder``, by label, where the method has
        ``report.compare``. ``config`` is that of one of them. Imports torch.
        """
        compare = self._function("report", "compare")
        if compare:
            compare(folder, networks, config, split)

    def _function(self, module: str, name: str) -> Any:
        """A function of one of the modules that a method may lack, None where it lacks either."""
        if importlib.util.find_spec(f"{self.package}.{module}") is None:
            return None
        return getattr(self._module(module), name, None)


def methods() -> dict[str, Method]:
    """Every registered method by slug, built in or from an installed package; ``Method.problem`` says which of those
    cannot be used.
    """
    found = {entry.name: entry.value for entry in plugins("method").values()} | BUILT_IN
    return {slug: Method(slug, package) for slug, package in sorted(found.items())}


def get_method(slug: str) -> Method:
    """Raises InputError naming the registered ones, and for one that cannot be used."""
    known = methods()
    if slug not in known:
        raise InputError(f"no method '{slug}'; registered are {', '.join(known)}")
    if known[slug].problem:
        raise InputError(known[slug].problem)
    return known[slug]
