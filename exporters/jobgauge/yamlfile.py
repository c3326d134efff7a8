"""Reads a YAML file of settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jobgauge.errors import ConfigError


def read(path: str) -> dict[Any, Any]:
    """Return the mapping that a file holds; raise ConfigError where there is none, or where a key stands twice."""
    import yaml  # noqa: PLC0415 - a command without a file starts without it

    class Loader(yaml.SafeLoader):
        """Refuses what YAML would silently settle in favour of the last one."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            seen = set()
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode) and key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value!r} stands twice", key.start_mark
                    )
                seen.add(key.value if isinstance(key, yaml.ScalarNode) else key)
            return super().construct_mapping(node, deep)

    try:
        # A file, not its text: YAML's messages would quote from the text, and there may be secrets in it.
        with open(path, "rb") as file:
            data = yaml.load(file, Loader)  # noqa: S506 - derived from SafeLoader
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: settings are expected, such as `key: value`")
    return data


def lines(path: str) -> dict[str, int]:
    """Return the line on which each key of a file stands that read() took; a nested one is named `outer.inner`."""
    import yaml  # noqa: PLC0415 - as above

    def walk(node: yaml.Node | None, prefix: str) -> Iterator[tuple[str, int]]:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode):
                    name = prefix + key.value
                    yield name, key.start_mark.line + 1
                    yield from walk(value, name + ".")

    with open(path, "rb") as file:
        return dict(walk(yaml.compose(file, yaml.SafeLoader), ""))
