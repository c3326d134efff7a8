"""PBS's plain form: a heading a record, then `name = value`, one a line.

This form, not JSON, is what is read: the released clients write JSON that a job's name, an account or an environment can
break (`nan`, `1e5`, a backslash), need four times the memory for it, and older ones have none.
"""

from __future__ import annotations

from collections.abc import Iterator

Attributes = dict[str, str]

# The submitter's environment may hold secrets, and with it the text of the command line: neither is kept.
_PRIVATE = ("Variable_List", "Submit_arguments", "submit_args")


def records(output: bytes, heading: str = "") -> Iterator[tuple[str, Attributes]]:
    """Return each record's name and attributes; records begin with `heading` at the start of a line, if there is one.

    Long values go on in lines that begin with a tab. Bytes that are not UTF-8 come as lone surrogates.
    """
    name, attributes, last = "", Attributes(), ""
    for line in output.decode("utf-8", "surrogateescape").split("\n"):
        if line.startswith("\t") and last:
            attributes[last] += line[1:]
            continue
        key, equals, value = line.partition(" = ")
        if equals and (line.startswith(" ") or not line.startswith(heading or " ")):
            last = key.strip()
            attributes[last] = value.rstrip("\r")
        elif line.strip() and line.startswith(heading) and not line.startswith(" "):
            if name:
                yield name, _public(attributes)
            name, attributes, last = line.removeprefix(heading).strip(), Attributes(), ""
    if name:
        yield name, _public(attributes)


def _public(attributes: Attributes) -> Attributes:
    return {key: value for key, value in attributes.items() if key not in _PRIVATE}
