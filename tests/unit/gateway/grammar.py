"""Queries made up by rule, for Hypothesis: right PromQL in every spelling, over the series of world.py."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tests.unit.gateway.world import ACCOUNT, JOBS, PUBLIC

OWNED = [
    "hpc_job_cpus",
    "hpc_job_memory_usage_bytes",
    "hpc_job_info",
    "hpc_job_step_seconds_bucket",
    "sum",
    "and",
]
NAMES = [
    *OWNED,
    *sorted(PUBLIC | ACCOUNT),
    "hpc_sched_nodes_drained",
    "hpc_sched_limits",
    "hpc_node_load",
    "offset",
]
VALUES = sorted(
    {text for job in JOBS for text in job}
    | {"", "emmy", "n1", "user", "idle", 'a"b', "}", "{", "# x", "\\", "'"}
)
PATTERNS = [
    ".*",
    ".+",
    "alice|bob",
    "a.*",
    "[a-z]+",
    "1|3|5",
    "(?i)ALICE",
    r"\d",
    "",
    "x\\\\",
    'a"}|b',
    "phys.*|chem",
]
AGGREGATIONS = ["sum", "avg", "min", "max", "count", "group", "SUM"]
OF_VECTOR = ["abs", "ceil", "exp", "sgn", "sort", "timestamp", "hour"]
OF_RANGE = [
    "rate",
    "increase",
    "delta",
    "max_over_time",
    "count_over_time",
    "last_over_time",
    "changes",
    "deriv",
]
LABELS = ["jobid", "user", "account", "cluster", "instance", "name", "mode", "le", "n", "nothing"]

labels = st.sampled_from(LABELS)
gaps = st.sampled_from(["", "", "", " ", "\n", "\t ", " # a note, {user='bob'}\n", "\r\n", "#\r"])
durations = st.sampled_from(["5m", "10m", "1h", "90s", "1m30s", "600000ms"])


@st.composite
def literals(draw: DrawFn, values: SearchStrategy[str]) -> str:
    """Spell a string in one of the ways in which PromQL can."""
    value = draw(values)
    mark = draw(st.sampled_from(["'", '"', "`"]))
    if mark == "`" and "`" not in value:
        return f"`{value}`"
    mark = "'" if mark == "`" else mark
    escaped = value.replace("\\", r"\\").replace("\n", r"\n").replace(mark, "\\" + mark)
    if escaped and escaped.isascii() and escaped[0].isalnum() and draw(st.booleans()):
        code = ord(escaped[0])
        escaped = (
            draw(st.sampled_from([f"\\x{code:02x}", f"\\{code:03o}", f"\\u{code:04X}", f"\\U{code:08x}"]))
            + escaped[1:]
        )
    return f"{mark}{escaped}{mark}"


@st.composite
def matchers(draw: DrawFn, without: frozenset[str] = frozenset()) -> str:
    operator = draw(st.sampled_from(["=", "!=", "=~", "!~"]))
    value = draw(literals(st.sampled_from(PATTERNS if "~" in operator else VALUES)))
    label = draw(labels.filter(lambda label: label not in without))
    return f"{label}{draw(gaps)}{operator}{draw(gaps)}{value}"


@st.composite
def selectors(draw: DrawFn, must: str = "", without: frozenset[str] = frozenset()) -> str:
    """Make a selector; one that names no metric exactly asks for a label that public series lack."""
    found = draw(st.lists(matchers(without), max_size=3))
    if draw(st.integers(0, 4)) == 0:
        found.append(draw(st.sampled_from(['jobid!=""', '__name__=~"hpc_job_.*"', "jobid=~'.+'"])))
        name = ""
    elif draw(st.booleans()):
        found.append(f"__name__={draw(literals(st.sampled_from(NAMES)))}")
        name = ""
    else:
        name = draw(st.sampled_from(NAMES))
    found += [must] if must else []
    found = draw(st.permutations(found))
    inside = ",".join(f"{draw(gaps)}{one}{draw(gaps)}" for one in found)
    return f"{name}{draw(gaps)}{{{inside}{',' if found and draw(st.booleans()) else ''}}}" if found else name


@st.composite
def modified(draw: DrawFn, operand: SearchStrategy[str]) -> str:
    text = draw(operand)
    for modifier in draw(
        st.sets(
            st.sampled_from([f"offset {draw(durations)}", "offset -1m", "@ 1700000400", "@ end()"]),
            max_size=2,
        )
    ):
        if modifier.split()[0] not in text.split("}")[-1]:
            text += f" {modifier}"
    return text


@st.composite
def ranges(draw: DrawFn, selector: SearchStrategy[str], vector: SearchStrategy[str]) -> str:
    if draw(st.booleans()):
        return draw(modified(st.just(f"{draw(selector)}[{draw(durations)}]")))
    step = draw(st.sampled_from(["", "1m", "90s"]))
    return draw(modified(st.just(f"({draw(vector)}){draw(gaps)}[{draw(durations)}:{step}]")))


def vectors(selector: SearchStrategy[str], *, absent: bool = True) -> SearchStrategy[str]:
    """Make expressions whose value is an instant vector, all selectors taken from `selector`."""

    @st.composite
    def larger(draw: DrawFn, smaller: SearchStrategy[str]) -> str:
        gap = draw(gaps)
        grouping = (
            f"{draw(st.sampled_from(['by', 'WITHOUT']))} ({', '.join(draw(st.lists(labels, max_size=2)))})"
        )
        matching = (
            f"{draw(st.sampled_from(['on', 'ignoring']))} ({', '.join(draw(st.lists(labels, max_size=3)))})"
        )
        arithmetic = st.sampled_from(["+", "-", "*", "/", "%", "^", "atan2", "== bool", ">", "<="])
        grouped = draw(st.sampled_from(["", "", "group_left ()", "group_right ()", "group_left (nowhere,)"]))
        forms = [
            lambda: f"({gap}{draw(smaller)}{gap})",
            lambda: f"{draw(st.sampled_from(['-', '+', '- -']))}{gap}{draw(smaller)}",
            lambda: f"{draw(st.sampled_from(AGGREGATIONS))}{gap}({draw(smaller)}){gap}{grouping}",
            lambda: f"{draw(st.sampled_from(AGGREGATIONS))} {grouping}{gap}({draw(smaller)})",
            lambda: f"quantile({gap}0.5,{draw(smaller)})",
            lambda: f"{draw(st.sampled_from(OF_VECTOR))}{gap}({draw(smaller)})",
            lambda: f"{draw(st.sampled_from(OF_RANGE))}({draw(ranges(selector, smaller))})",
            lambda: (
                f"{draw(smaller)} {draw(arithmetic)} {draw(st.sampled_from(['2', '0x1F', '1e-3', '.5', 'Inf', '-1']))}"
            ),
            lambda: f"({draw(smaller)}) {draw(arithmetic)} {matching} {grouped} ({draw(smaller)})",
            lambda: f"{draw(smaller)} {draw(st.sampled_from(['and', 'OR', 'unless']))} {gap}{draw(smaller)}",
            lambda: (
                f"label_replace({draw(smaller)}, 'user', {draw(literals(st.sampled_from(VALUES)))}, '', '')"
            ),
            lambda: f"vector(scalar({draw(smaller)}))",
        ]
        return draw(st.sampled_from(forms))()

    named_absence = selectors(without=frozenset(["user", "account"])).map(lambda text: f"absent({text})")
    leaves = [selector, modified(selector), *([named_absence] if absent else [])]
    return st.recursive(st.one_of(leaves), larger, max_leaves=5)
