"""Jobs and nodes of Torque, which writes XML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from jobgauge.errors import SourceError
from jobgauge_scheduler.model import Job, Node, Reading, Record
from jobgauge_scheduler.pbs import cluster, units
from jobgauge_scheduler.pbs import history as any_history
from jobgauge_scheduler.pbs import jobs as any_jobs
from jobgauge_scheduler.pbs.records import Attributes

# The submitter's environment: private, and not escaped by older servers, so that it would break the document.
_PRIVATE = re.compile(rb"<(Variable_List|submit_args)>.*?</\1>", re.DOTALL)
_DECLARATION = re.compile(rb"<\?xml[^>]*\?>|<!--.*?-->", re.DOTALL)
_SLOTS = re.compile(r"(\d+)(?:-(\d+))?/")


def jobs(output: bytes) -> Reading[tuple[Job, ...]]:
    """Read `qstat -x`; an empty queue is an empty answer."""
    return any_jobs.read(_named(output))


def history(output: bytes) -> Reading[tuple[Record, ...]]:
    """Read the jobs of `qstat -x` that have started or ended."""
    return any_history.read(_named(output))


def nodes(output: bytes) -> Reading[tuple[Node, ...]]:
    """Read `pbsnodes -x`."""
    found = [_flat(element) for element in _elements(output, "Node")]
    readable = [_node(attributes) for attributes in found if "name" in attributes and "state" in attributes]
    return Reading(tuple(readable), len(found) - len(readable))


def _named(output: bytes) -> Iterator[tuple[str, Attributes]]:
    for attributes in map(_flat, _elements(output, "Job")):
        yield attributes.pop("Job_Id", ""), attributes


def _elements(output: bytes, name: str) -> Iterator[ET.Element]:
    """Return the elements below any <Data>, of which there may be none, one or several."""
    body = _DECLARATION.sub(b"", _PRIVATE.sub(b"", output))
    if b"<!" in body:
        raise SourceError("the answer holds a document type: it is not Torque's")
    text = body.decode("utf-8", "replace")
    try:
        # without a document type there are no entities to expand, which is what makes XML dangerous
        root = ET.fromstring(f"<all>{text}</all>")  # noqa: S314
    except ET.ParseError as error:
        raise SourceError(f"the answer is not the XML that Torque writes: {error}") from error
    if text.strip() and root.find("Data") is None:
        raise SourceError(f"the answer is not the XML that Torque writes: {text.strip()[:100]!r}")
    return root.iterfind(f"Data/{name}")


def _flat(element: ET.Element, prefix: str = "") -> Attributes:
    found: Attributes = {}
    for child in element:
        if len(child):
            found |= _flat(child, f"{prefix}{child.tag}.")
        else:
            found[prefix + child.tag] = (child.text or "").strip()
    return found


def _node(attributes: Attributes) -> Node:
    spans = _SLOTS.findall(attributes.get("jobs", ""))
    used = sum(int(last or first) - int(first) + 1 for first, last in spans)
    states = cluster.node_states(attributes["state"], used > 0)
    # Torque does not tell how much of a node's memory or GPUs is allocated, so nothing is told of them
    return Node(
        name=attributes["name"],
        states=states,
        cpus=units.number(attributes.get("np", "")),
        cpus_allocated=used,
        reason=attributes.get("note", "") if states & {"drain", "down", "unknown"} else "",
    )
