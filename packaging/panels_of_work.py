"""The upper half of the dashboard: state, jobs, queue, workers."""

from typing import Final

from panels import RATE, Kind, Panel, Query, one, quantile, rate_by

STATE: Final = (
    Panel(
        title="Ready",
        text="Instances that accept work, of those that are scraped.",
        unit="percentunit",
        queries=one("avg(tflited_ready{@})"),
        kind=Kind.NUMBER,
        width=3,
        warning=1,
        critical=0.5,
    ),
    Panel(
        title="Alerts that fire",
        text="docs/runbook.md tells what each means and what to do.",
        unit="short",
        queries=one('count(ALERTS{alertname=~"Tflited.*", alertstate="firing"}) or vector(0)'),
        kind=Kind.NUMBER,
        width=3,
        warning=1,
        critical=1,
    ),
    Panel(
        title="Output lags",
        text="Age of the oldest change that is on its way and not built; 0 when all is built.",
        unit="s",
        queries=one("max(instance_root:tflited_output_lag_seconds{@})"),
        kind=Kind.NUMBER,
        width=3,
        warning=1800,
        critical=3600,
    ),
    Panel(
        title="Jobs that wait",
        text="For a slot, another attempt, their model or its data.",
        unit="short",
        queries=one("sum(tflited_queue_depth{@})"),
        kind=Kind.NUMBER,
        width=3,
    ),
    Panel(
        title="Last published",
        text="Since a job last published a set.",
        unit="s",
        queries=one("time() - max(tflited_last_published_timestamp_seconds{@} > 0)"),
        kind=Kind.NUMBER,
        width=3,
    ),
    Panel(
        title="Up for",
        text="Since the youngest instance started.",
        unit="s",
        queries=one('time() - max(process_start_time_seconds{job="tflited", @})'),
        kind=Kind.NUMBER,
        width=3,
    ),
    Panel(
        title="Version",
        text="Of the daemon, and of the TensorFlow that converts.",
        unit="short",
        queries=one("tflited_build_info{@}", "{{version}}, tensorflow {{tensorflow_version}}"),
        kind=Kind.NAME,
        width=6,
    ),
)
JOBS: Final = (
    Panel(
        title="Jobs that ended",
        text="By result, over five minutes.",
        unit="ops",
        queries=one("sum by (result) (instance:tflited_jobs:rate5m{@})", "{{result}}"),
        kind=Kind.STACKED,
    ),
    Panel(
        title="Share of jobs that failed",
        text="Of an hour's published, failed and dead jobs.",
        unit="percentunit",
        queries=one("instance:tflited_job_failures:ratio1h{@}", "{{instance}}"),
        warning=0.1,
        critical=0.25,
    ),
    Panel(
        title="Failures by reason",
        text="The ten most frequent failure codes; tflited jobs --state failed lists the jobs.",
        unit="short",
        queries=one(
            "topk(10, sum by (reason) (increase(tflited_job_failures_total{@}[1h])) > 0)",
            "{{reason}}",
        ),
    ),
    Panel(
        title="Time of a job",
        text="From claim to end. Points are jobs: their job_id leads to the log.",
        unit="s",
        queries=(
            quantile(0.5, "tflited_job_duration_seconds"),
            quantile(0.95, "tflited_job_duration_seconds"),
            quantile(0.99, "tflited_job_duration_seconds"),
        ),
    ),
    Panel(
        title="Attempts by result",
        text="Everything but ok costs time; cancelled ones gave way to a newer change.",
        unit="ops",
        queries=rate_by("tflited_attempts_total", "result"),
        kind=Kind.STACKED,
    ),
    Panel(
        title="Attempts that are repeated",
        text="After a death, a loss, or a failure that waiting may heal; by reason.",
        unit="ops",
        queries=(
            Query(
                expression=f"sum(rate(tflited_attempt_retries_total{{@}}{RATE}))",
                legend="repeated",
            ),
            Query(
                expression=f"topk(5, sum by (reason)"
                f" (rate(tflited_attempt_failures_total{{@}}{RATE})) > 0)",
                legend="{{reason}}",
            ),
        ),
    ),
)
QUEUE: Final = (
    Panel(
        title="Queue and capacity",
        text="Triggers are held off where waiting and running jobs reach the capacity.",
        unit="short",
        queries=(
            Query(expression="sum(tflited_queue_depth{@})", legend="waiting"),
            Query(expression="sum(tflited_jobs_running{@})", legend="running"),
            Query(expression="sum(tflited_queue_capacity{@})", legend="capacity"),
        ),
    ),
    Panel(
        title="Oldest job that waits for a slot",
        text="Its age; nothing where none waits.",
        unit="s",
        queries=one("time() - (tflited_queue_oldest_job_timestamp_seconds{@} > 0)", "{{instance}}"),
    ),
    Panel(
        title="Wait for a slot",
        text="From queued to claim, of jobs that needed one attempt.",
        unit="s",
        queries=(
            quantile(0.5, "tflited_job_queue_wait_seconds"),
            quantile(0.95, "tflited_job_queue_wait_seconds"),
        ),
    ),
    Panel(
        title="Jobs accepted by door",
        text="Watching, and triggers by the door they came through.",
        unit="ops",
        queries=rate_by("tflited_jobs_accepted_total", "trigger"),
        kind=Kind.STACKED,
    ),
    Panel(
        title="Triggers",
        text="Accepted and refused, by door.",
        unit="ops",
        queries=one(
            f"sum by (trigger, result) (rate(tflited_triggers_total{{@}}{RATE})) > 0",
            "{{trigger}} {{result}}",
        ),
    ),
    Panel(
        title="Triggers refused by rule",
        text="over_capacity ones were held off and may come again.",
        unit="ops",
        queries=rate_by("tflited_triggers_refused_total", "reason"),
    ),
)
WORKERS: Final = (
    Panel(
        title="Slots",
        text="Busy, idle, or waiting for tensorflow to be loaded.",
        unit="short",
        queries=one("sum by (result) (tflited_workers{@})", "{{result}}"),
        kind=Kind.STACKED,
    ),
    Panel(
        title="Slots in use",
        text="Of those there are; at 1 for long, more workers would help where memory allows.",
        unit="percentunit",
        queries=one("instance:tflited_slots_busy:ratio{@}", "{{instance}}"),
    ),
    Panel(
        title="Children by end",
        text="Everything but ok and error is a process that did not end by itself.",
        unit="ops",
        queries=rate_by("tflited_child_exits_total", "reason"),
        kind=Kind.STACKED,
    ),
    Panel(
        title="Peak memory of attempts",
        text="Resident memory of the larger child of each attempt.",
        unit="bytes",
        queries=(
            Query(
                expression="sum by (le) (increase(tflited_attempt_peak_rss_bytes_bucket{@}"
                f"{RATE}))",
                legend="{{le}}",
            ),
        ),
        kind=Kind.HEATMAP,
    ),
    Panel(
        title="Loading of tensorflow",
        text="Time until children can be forked, and starts that failed.",
        unit="s",
        queries=(
            quantile(0.95, "tflited_zygote_start_duration_seconds", "result", "[1h]"),
            Query(
                expression="increase(tflited_zygote_start_duration_seconds_count"
                '{result="failure", @}[1h])',
                legend="failed starts of {{instance}}",
            ),
        ),
    ),
    Panel(
        title="What held around models",
        text="full is every layer of the sandbox; off is a setting.",
        unit="ops",
        queries=rate_by("tflited_attempt_sandboxes_total", "result"),
        kind=Kind.STACKED,
    ),
)
