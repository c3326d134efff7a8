"""Queries that people send and queries that try to get round the gateway.

Each is asked through the gateway's rewriter of a Prometheus that holds everybody's series, and as it is of one that
holds only what the caller may see. The answers have to be the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from jobgauge_gateway.policy import Scope
from tests.unit.gateway.world import ALICE, CAROL, DOT


@dataclass(frozen=True)
class Case:
    """One query of one caller; `reference` names the Prometheus that gives the right answer."""

    query: str
    caller: Scope
    reference: str
    plain: str = ""  # the same in the syntax of Prometheus 2.42, where that is older
    refused: bool = False  # the gateway must not answer at all


ORDINARY = r"""
hpc_job_cpus
hpc_job_cpus{cluster="emmy"}
hpc_job_cpus{jobid="1"}
hpc_job_cpus{jobid=~"1|5|10",cluster="emmy",}
hpc_job_cpus{user="alice"}
hpc_job_cpus{user="carol"}
sum by (jobid) (rate(hpc_job_cpu_seconds_total{mode=~"user|system"}[5m])) / on (jobid) hpc_job_cpus
sum(rate(hpc_job_cpu_seconds_total[5m])) by (mode,)
avg without (mode, instance) (irate(hpc_job_cpu_seconds_total[10m]))
hpc_job_cpus * on (jobid) group_left (name) hpc_job_info
hpc_job_info * on (jobid, user) group_right () hpc_job_cpus
hpc_job_cpus * on (jobid) group_left hpc_job_info
hpc_job_memory_usage_bytes - ignoring (instance) hpc_job_cpus
topk(1, hpc_job_cpus)
bottomk by (account) (1, hpc_job_cpus)
count_values("value", hpc_job_cpus)
quantile(0.5, hpc_job_memory_usage_bytes)
histogram_quantile(0.9, sum by (le) (rate(hpc_job_step_seconds_bucket[10m])))
histogram_quantile(0.5, sum by (le, partition) (rate(hpc_sched_wait_seconds_bucket[10m])))
max_over_time(hpc_job_memory_usage_bytes[10m])
max_over_time(sum(hpc_job_memory_usage_bytes)[10m:1m])
max_over_time((hpc_job_cpus + hpc_job_memory_usage_bytes)[10m:] offset 5m)
rate(hpc_job_cpu_seconds_total[5m] offset 10m)
hpc_job_memory_usage_bytes offset -1m
hpc_job_memory_usage_bytes @ 1700000400
hpc_job_memory_usage_bytes @ start() - hpc_job_memory_usage_bytes @ end()
hpc_job_memory_usage_bytes > bool 3000
hpc_job_memory_usage_bytes > 3000
hpc_job_cpus > 10 and hpc_job_cpus < 100 unless hpc_job_cpus == 14
hpc_job_cpus or vector(0)
-hpc_job_cpus ^ 2 % 5
- - +hpc_job_cpus atan2 hpc_job_cpus
scalar(hpc_job_cpus{jobid="1"}) + 1
label_replace(hpc_job_info, "short", "$1", "name", "(.).*")
label_join(hpc_job_cpus, "both", "-", "user", 'jobid')
sort_desc(hpc_job_cpus)
predict_linear(hpc_job_memory_usage_bytes[10m], 60 * 5)
clamp(hpc_job_cpus, 1, 20) + timestamp(hpc_job_cpus) * 0
changes(hpc_job_memory_usage_bytes[20m]) + time() * 0
hour(vector(time())) + pi()
1 + 0x1F * 2e3 - +Inf
NaN
"a string with \"quotes\", \u00fc and \x41"
sum
sum + SUM(sum) by (user)
sum(sum)
and and and
hpc_job_info{name="größe ☺"}
hpc_job_info{name="gr\u00f6\u00dfe \U0000263a"}
hpc_job_info{name=`back\slash`}
hpc_job_info{name='first\nsecond'}
hpc_job_info{name=~"first\\s.*"}
hpc_job_info{name="bob's"}
hpc_job_info{name=""}
hpc_sched_nodes
sum(hpc_sched_nodes{state!="down"}) / sum(hpc_sched_nodes)
hpc_sched_jobs
sum by (user) (hpc_sched_jobs)
hpc_sched_jobs{user="bob"}
sum(hpc_sched_wait_seconds_bucket)
sum(hpc_job_cpus) / scalar(sum(hpc_sched_nodes))
hpc_sched_limit
hpc_sched_limit{account="physics"}
hpc_sched_limit{account=~".*"}
hpc_sched_fairshare_ratio * on (account) group_left (level) hpc_sched_limit
hpc_sched_fairshare_ratio{user="bob"}
absent(hpc_job_cpus{jobid="1"})
absent(hpc_job_cpus{jobid="99",cluster=~"em.*"})
absent(hpc_sched_nodes{state="off"})
absent_over_time(hpc_job_cpus{jobid="99"}[5m])
sum(absent(hpc_job_cpus{user="alice",jobid="99"}))
"""

EVASIONS = r"""
hpc_job_cpus{user="bob"}
hpc_job_cpus{user='bob'}
hpc_job_cpus{user=`bob`}
hpc_job_cpus{user="\x62ob"}
hpc_job_cpus{user=~".*"}
hpc_job_cpus{user=~".+",user=~"bob|alice"}
hpc_job_cpus{user!="alice"}
hpc_job_cpus{user!~"alice|carol"}
hpc_job_cpus{user=""}
hpc_job_cpus{user="alice",user="bob"}
hpc_job_cpus{user="Alice"}
hpc_job_cpus{user=~"(?i)alice"}
hpc_job_cpus{user=~"alice.*"}
hpc_job_cpus{jobid="3"}
hpc_job_cpus{jobid=~".*"}
hpc_job_cpus or hpc_job_cpus{user="bob"}
hpc_job_cpus{user="bob"} or hpc_job_cpus
sum(hpc_job_cpus) - hpc_job_cpus
sum by (user) (hpc_job_cpus)
count by (user, account) ({jobid=~".+"})
count({__name__=~"hpc_job_.*"})
{__name__=~"hpc_job_cpus|hpc_node_load"}
{__name__=~"hpc_node_load|target_info"}
{__name__="hpc_job_cpus",user="bob"}
{__name__=~".*cpus"}
{__name__!="hpc_job_cpus",jobid="3"}
{__name__!~"hpc_sched.*",jobid!=""}
{__name__=~"hpc_sched_nodes.+"}
{__name__=~"hpc_sched_nodes|hpc_job_cpus",jobid!=""}
{__name__="hpc_sched_nodes",__name__="hpc_job_cpus"}
{jobid=~".+"}
{jobid=~".+",user=~"bob|eve"}
hpc_job_cpus{jobid=~".*\"} or hpc_job_cpus{jobid=\"3"}
hpc_job_cpus{jobid=~'.*"} or hpc_job_cpus{jobid="3'}
hpc_job_cpus{jobid=~`.*"} or hpc_job_cpus{jobid="3`}
hpc_job_cpus{jobid=~'.*\x22} or hpc_job_cpus{jobid=\x223'}
hpc_job_cpus{jobid=~'.*\042} or hpc_job_cpus{jobid=\0423'}
label_join(hpc_job_cpus, "a", "-\", \"user\") or label_join(hpc_job_cpus, \"b\", \"-", "jobid")
hpc_job_info{name="x\"} or hpc_job_cpus{user=\"bob"}
hpc_job_cpus{user="bob\\"}
hpc_job_cpus{jobid="\\",user="bob"}
hpc_sched_nodes_drained
hpc_sched_limits
hpc_node_load
target_info
count(hpc_node_load)
sum(hpc_sched_nodes) * 0 + on () group_right () hpc_job_cpus
sum(hpc_sched_nodes) * 0 + on () group_right () hpc_node_load
hpc_sched_nodes * on () group_left (resident) target_info{instance="n1"}
hpc_job_cpus * on (instance) group_left (resident) target_info
count_over_time(hpc_job_cpus{user="bob"}[10m])
max_over_time((hpc_job_cpus{user="bob"} or hpc_job_cpus)[10m:1m] @ end())
hpc_job_cpus{user="bob"} @ 1700000400 offset 1m
label_replace(hpc_job_cpus{user="bob"}, "user", "alice", "", "")
hpc_job_cpus == on (instance) group_left () (hpc_job_cpus{jobid="3"} + 0)
topk(100, hpc_job_cpus{user!=""})
count_values("user", hpc_job_cpus{user="bob"})
absent(hpc_job_cpus{jobid="3"})
absent(hpc_node_load)
absent(sum(hpc_job_cpus{user="bob"}))
absent_over_time(hpc_job_cpus{jobid="3"}[5m])
scalar(hpc_job_cpus{jobid="3"})
hpc_sched_limit{account="abc"}
hpc_sched_limit{account=""}
hpc_sched_limit{account=~"abc|physics"}
hpc_sched_limit{account!="physics"}
hpc_sched_limit{account="physics",account="abc"}
hpc_sched_fairshare_ratio{account!~"x"}
hpc_job_cpus{account="physics"}
hpc_job_cpus{account="physics",user="bob"}
hpc_job_cpus{account=~"chem|physics"}
hpc_job_cpus{account=~"chem"}
hpc_job_cpus{account!="physics"}
hpc_job_cpus{account="chem",account="physics"}
hpc_job_cpus{account="chem\x00"}
"""

# Asked by the one who leads chem; answered from all of its jobs because the query asks for exactly that account.
LED = r"""
hpc_job_cpus{account="chem"}
hpc_job_cpus{user="bob",account='chem'}
hpc_job_cpus{account="chem",user!="carol",jobid=~".*"}
{account="chem",__name__=~"hpc_job_.*"}
{__name__!="up",account="chem"}
sum by (user) (rate(hpc_job_cpu_seconds_total{account="chem"}[5m]))
hpc_job_cpus{account="chem"} * on (jobid) group_left (name) hpc_job_info{account="chem"}
sum(hpc_job_cpus{account="chem"}) / scalar(sum(hpc_sched_nodes))
hpc_job_cpus{account="chem",account=~"ch.*"}
hpc_sched_limit{account="chem"}
topk(2, hpc_job_memory_usage_bytes{account="chem"})
absent(hpc_job_cpus{account="chem",jobid="3"})
"""

# Pairs of today's syntax, and the same as Prometheus 2.42 reads it.
MODERN = [
    ('{"hpc_job_cpus"}', "hpc_job_cpus"),
    ("{'hpc_job_cpus',jobid=\"1\"}", 'hpc_job_cpus{jobid="1"}'),
    ('{"hpc_job_cpus","user"="bob"}', 'hpc_job_cpus{user="bob"}'),
    ('{"hpc_sched_nodes"}', "hpc_sched_nodes"),
    ('{"__name__"="hpc_job_cpus","\\u0075ser"=~"b.b"}', 'hpc_job_cpus{user=~"b.b"}'),
    ("hpc_job_cpus # a note {user='bob'}\r or hpc_job_cpus{user='bob'}", "hpc_job_cpus"),
    ("hpc_job_cpus{user='bob' #'}\n}", 'hpc_job_cpus{user="bob"}'),
    ("\n\thpc_job_cpus\r\n{\r\n}\r", "hpc_job_cpus"),
]

REFUSED = r"""
info(hpc_job_cpus)
info(hpc_job_cpus{user="alice"})
info(hpc_job_cpus, {__name__="target_info",resident=~".+"})
INFO(hpc_job_cpus)
sum(info(hpc_job_cpus) * 2)
{}
{user=~".*"}
{user=""}
{user!="alice"}
hpc_job_cpus{user="alice"} or {}
{__graphite__="hpc.*"}
hpc_sched_nodes{__graphite__="*"}
hpc_job_cpus{user="bob" or user="alice"}
WITH (x = hpc_job_cpus{user="bob"}) x
label_set(hpc_job_cpus, "user", "alice")
union(hpc_job_cpus, hpc_job_cpus{user="bob"})
rollup_rate(hpc_job_cpus[5m])
hpc_job_cpus{user="bob"} keep_metric_names
hpc_job_cpus[5i]
hpc_job_cpus default 0
hpc_job_cpus limit 5
hpc_job_cpus{user="alice"}}
hpc_job_cpus{user="alice"
hpc_job_cpus{user="alice
hpc_job_cpus{{user="alice"}}
hpc_job_cpus{__name__="hpc_node_load"}
hpc_job_cpus,hpc_node_load
hpc_job_cpus;hpc_node_load
hpc_job_cpus hpc_node_load
hpc_job_cpus end
hpc_job_cpus string
a number
$__all
"""


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


CASES = [
    *(Case(query, ALICE, "alice") for query in _lines(ORDINARY + EVASIONS)),
    *(Case(query, CAROL, "carol") for query in _lines(ORDINARY + EVASIONS)),
    *(
        Case(query, DOT, "al.ce")
        for query in _lines(EVASIONS)
        if "hpc_sched_limit" not in query and "fair" not in query
    ),
    *(Case(query, CAROL, "carol with chem") for query in _lines(LED)),
    *(Case(query, ALICE, "alice", plain) for query, plain in MODERN),
    *(Case(query, ALICE, "alice", refused=True) for query in _lines(REFUSED)),
    Case("hpc_sched_limit", DOT, "al.ce", refused=True),  # is in no account
    Case('hpc_sched_limit{account=""}', DOT, "al.ce", refused=True),
]

# What the variable editor and Explore ask the series and label calls for.
MATCHERS = r"""
hpc_job_cpus
hpc_job_cpus{cluster="emmy",jobid=~".+"}
hpc_job_info{name!=""}
hpc_job_cpus{user="bob"}
hpc_job_cpus{user!="bob"}
hpc_job_cpus{account="chem"}
hpc_job_cpus{account="physics"}
hpc_job_cpus{jobid=~".*\"} or hpc_job_cpus{jobid=\"3"}
hpc_sched_nodes
hpc_sched_nodes_drained
hpc_sched_jobs{user="bob"}
hpc_sched_limit
hpc_sched_limit{account="abc"}
hpc_sched_limit{account=""}
hpc_node_load
{__name__=~".+"}
{__name__!=""}
{__name__=~"hpc_sched.*"}
{__name__=~"(?i).*NODES.*"}
{account=~".+"}
{account="abc"}
{user="bob",__name__!="x"}
{instance="n1"}
"""
SELECTORS = _lines(MATCHERS)
