"""The words of PromQL up to Prometheus 3.15, experimental ones included. A function that is not here is refused."""


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


AGGREGATIONS = _set(
    "avg bottomk count count_values group limit_ratio limitk max min quantile stddev stdvar sum topk"
)
OPERATORS = _set("+ - * / % ^ == != < <= > >= </ >/ and or unless atan2")
GROUPINGS = _set("by without")
FILLS = _set("fill fill_left fill_right")
NUMBERS = _set("inf nan")

# Never a metric's bare name; all other keywords are one where a metric can stand. `{"on"}` names such a metric.
RESERVED = _set("atan2 bool group_left group_right ignoring on")

FUNCTIONS = _set("""
    abs absent absent_over_time acos acosh asin asinh atan atanh avg_over_time ceil changes clamp clamp_max clamp_min
    cos cosh count_over_time day_of_month day_of_week day_of_year days_in_month deg delta deriv
    double_exponential_smoothing end exp first_over_time floor histogram_avg histogram_count histogram_fraction
    histogram_quantile histogram_quantiles histogram_stddev histogram_stdvar histogram_sum holt_winters hour idelta
    increase irate label_join label_replace last_over_time ln log10 log2 mad_over_time max_of max_over_time min_of
    min_over_time minute month pi predict_linear present_over_time quantile_over_time rad range rate resets round
    scalar sgn sin sinh sort sort_by_label sort_by_label_desc sort_desc sqrt start start_timestamp stddev_over_time
    stdvar_over_time step sum_over_time tan tanh time timestamp ts_of_first_over_time ts_of_last_over_time
    ts_of_max_over_time ts_of_min_over_time vector year
    """)

# These show the equality matchers of their selector as labels of the answer.
ABSENT = _set("absent absent_over_time")

# Functions that read series which no selector in the query names, so no matcher can limit them; with what to do instead.
UNSCOPED = {
    "info": "info() reads series that the query does not name, so it is for staff only; join with"
    " `* on (...) group_left (...)` and name the metric",
}
