"""Rasa without TensorFlow: placeholders for the heavy libraries that our pipeline never calls.

Rasa 3.6 imports TensorFlow (and skops) when it starts, whether a component needs them or not. A
finder on `sys.meta_path` answers those imports with inert modules when the real ones are not
installed. Whatever is only named (base classes, decorators, annotations) works; calling into a
placeholder raises `HeavyLibraryMissing` with the command that installs the real one.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

PLACEHOLDERS = (
    "tensorflow",
    "tensorflow_addons",
    "tensorflow_hub",
    "tensorflow_text",
    "keras",
    "skops",
)


class HeavyLibraryMissing(RuntimeError):
    """A component asked a placeholder to do real work."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is not installed: Likewise runs Rasa without it. "
            "For pipelines that need it: make tensorflow"
        )


class _Named(type):
    """Metaclass of placeholder names: any attribute is again a placeholder class."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _placeholder(f"{cls.__module__}.{cls.__name__}", name)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls.__dict__.get("_is_placeholder"):
            # A decorator such as `@tf.function` gets the function and hands it back untouched.
            if len(args) == 1 and callable(args[0]) and not kwargs:
                return args[0]
            # A decorator with arguments, such as `register_keras_serializable()`, is called at
            # import time as well; what it returns may only be used to decorate.
            return _placeholder(cls.__module__, cls.__name__)
        if any(base.__dict__.get("_is_placeholder") for base in cls.__mro__):
            raise HeavyLibraryMissing(cls.__name__)
        return super().__call__(*args, **kwargs)

    def __or__(cls, other: Any) -> Any:
        return cls

    def __ror__(cls, other: Any) -> Any:
        return cls

    def __getitem__(cls, key: Any) -> Any:
        return cls

    def __bool__(cls) -> bool:
        return False

    def __iter__(cls) -> Any:
        raise HeavyLibraryMissing(cls.__name__)


_KNOWN: dict[str, Any] = {}


def _placeholder(module: str, name: str) -> Any:
    full = f"{module}.{name}"
    if full not in _KNOWN:
        _KNOWN[full] = _Named(name, (), {"__module__": module, "_is_placeholder": True})
    return _KNOWN[full]


class _Placeholder(ModuleType):
    """A module whose every public attribute is a placeholder class."""

    __path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "__version__":
            return "0"
        return _placeholder(self.__name__, name)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, names: frozenset[str]) -> None:
        self.names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname.partition(".")[0] not in self.names:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return _Placeholder(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        return None


def missing() -> frozenset[str]:
    """The heavy libraries that are not installed here."""
    specs = {name: importlib.util.find_spec(name) for name in PLACEHOLDERS}
    return frozenset(n for n, s in specs.items() if s is None or isinstance(s.loader, _Finder))


def install() -> None:
    """Lay the placeholders and switch Rasa's telemetry off; a second call does nothing."""
    os.environ.setdefault("RASA_TELEMETRY_ENABLED", "false")
    os.environ.setdefault("SQLALCHEMY_SILENCE_UBER_WARNING", "1")
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    absent = missing()
    if absent:
        sys.meta_path.append(_Finder(absent))


@contextlib.contextmanager
def without_warnings() -> Iterator[None]:
    """Rasa warns of its own past at every load; nothing of it can be acted on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def load_rasa() -> None:
    """Import Rasa without the deprecation warnings of the libraries that it is tied to.

    Importing it sets uvloop's policy, under which a loop of asyncio's own, running already, can
    start no process any more (reading a photo needs one): the policy of before is put back.
    """
    install()
    policy = asyncio.get_event_loop_policy()
    try:
        with without_warnings():
            import rasa.core.agent
            import rasa.model_training  # noqa: F401
    finally:
        asyncio.set_event_loop_policy(policy)


def rasa() -> None:
    """The `rasa` command: Rasa's own command line on top of the placeholders."""
    install()
    from rasa.__main__ import main

    main()
