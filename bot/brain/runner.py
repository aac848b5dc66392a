"""Runs Rasa's trained graph node after node.

Rasa hands the graph to Dask, which orders it anew for every message and every prediction; for the
handful of nodes that follow each other here, that took as long as some of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Any

from rasa.engine.runner.dask import DaskGraphRunner


class StraightRunner:
    """Takes the place of a loaded Dask runner, over the same nodes."""

    def __init__(self, loaded: DaskGraphRunner) -> None:
        self._instantiated_nodes = loaded._instantiated_nodes
        self._schema = loaded._graph_schema
        self._orders: dict[tuple[str, ...], list[tuple[str, tuple[str, ...]]]] = {}

    def run(
        self, inputs: Mapping[str, Any] | None = None, targets: Sequence[str] | None = None
    ) -> dict[str, Any]:
        """What the targets give, by their names."""
        wanted = tuple(targets or self._schema.target_names)
        found = {name: (name, value) for name, value in (inputs or {}).items()}
        for name, needs in self._order(wanted):
            found[name] = self._instantiated_nodes[name](*(found.get(n, n) for n in needs))
        return dict(found[name] for name in wanted)

    def _order(self, wanted: tuple[str, ...]) -> list[tuple[str, tuple[str, ...]]]:
        """The nodes that the targets need, each after those that it needs itself."""
        if wanted not in self._orders:
            nodes = self._schema.minimal_graph_schema(list(wanted)).nodes
            needs = {name: tuple(node.needs.values()) for name, node in nodes.items()}
            order = TopologicalSorter(needs).static_order()
            self._orders[wanted] = [(name, needs[name]) for name in order if name in needs]
        return self._orders[wanted]
