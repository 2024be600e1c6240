"""The lower half of the dashboard: conversion, roots, the daemon itself."""

from typing import Final

from panels import RATE, Kind, Panel, Query, one, quantile, rate_by

CONVERSION: Final = (
    Panel(
        title="Stages",
        text="p95 of each stage, stacked: where a slow build spends its time.",
        unit="s",
        queries=(quantile(0.95, "tflited_stage_duration_seconds", "stage"),),
        kind=Kind.STACKED,
        width=12,
    ),
    Panel(
        title="Variants",
        text="p95 of the time that one variant costs on its own.",
        unit="s",
        queries=(quantile(0.95, "tflited_variant_duration_seconds", "variant"),),
        width=12,
    ),
    Panel(
        title="Variants by proof",
        text="Of published sets. Rejected ones were left out, unverified ones are labelled.",
        unit="ops",
        queries=rate_by("tflited_variants_total", "result"),
        kind=Kind.STACKED,
    ),
    Panel(
        title="Share of proofs that failed",
        text="By variant, over six hours.",
        unit="percentunit",
        queries=one(
            "max by (variant) (instance_variant:tflited_variants_rejected:ratio6h{@})",
            "{{variant}}",
        ),
        warning=0.25,
        critical=0.5,
    ),
    Panel(
        title="Bytes saved against float32",
        text="Sum of an hour's published files, by variant.",
        unit="bytes",
        queries=one(
            "sum by (variant) (increase(tflited_variant_saved_bytes_total{@}[1h])) > 0",
            "{{variant}}",
        ),
        kind=Kind.STACKED,
    ),
    Panel(
        title="Signal-to-noise ratio",
        text="Nine of ten proofs of a variant were better than this; budgets are about 20 dB.",
        unit="dB",
        queries=(quantile(0.1, "tflited_variant_snr_decibels", "variant", "[6h]"),),
    ),
    Panel(
        title="Accuracy lost",
        text="Nine of ten variants lost less, of top1, top5 or auc on labelled data.",
        unit="percentunit",
        queries=(quantile(0.9, "tflited_variant_accuracy_drop_ratio", "variant", "[6h]"),),
    ),
    Panel(
        title="Size of files",
        text="Median of published .tflite files, by variant.",
        unit="bytes",
        queries=(quantile(0.5, "tflited_artifact_size_bytes", "variant", "[6h]"),),
    ),
)
ROOTS: Final = (
    Panel(
        title="Output lags by root",
        text="Age of the oldest change that is on its way and not built.",
        unit="s",
        queries=one("instance_root:tflited_output_lag_seconds{@}", "{{root}} on {{instance}}"),
        warning=1800,
        critical=3600,
    ),
    Panel(
        title="Models by phase",
        text="refused and policy_error wait for a person; tflited why PATH says for what.",
        unit="short",
        queries=one("sum by (result) (tflited_models{@}) > 0", "{{result}}"),
        kind=Kind.STACKED,
    ),
    Panel(
        title="Roots that cannot be read",
        text="Nothing in them is taken for gone meanwhile.",
        unit="short",
        queries=one("tflited_root_available{@} == 0", "{{root}} on {{instance}}"),
    ),
    Panel(
        title="Last whole scan",
        text="Its age; by default there is one every minute.",
        unit="s",
        queries=one(
            "time() - (tflited_scan_last_timestamp_seconds{@} > 0)", "{{root}} on {{instance}}"
        ),
    ),
    Panel(
        title="Time of a scan",
        text="Median of whole scans.",
        unit="s",
        queries=(quantile(0.5, "tflited_scan_duration_seconds", "root", "[15m]"),),
    ),
    Panel(
        title="Events",
        text="Places that kernel events named.",
        unit="ops",
        queries=rate_by("tflited_watch_events_total", "root"),
    ),
    Panel(
        title="Events that were lost",
        text="Found by a scan all the same.",
        unit="short",
        queries=(
            Query(
                expression="sum by (root) (increase(tflited_events_missed_total{@}[1h]))",
                legend="missed in {{root}}",
            ),
            Query(
                expression="sum by (root) (increase(tflited_watch_overflows_total{@}[1h]))",
                legend="overflows of {{root}}",
            ),
            Query(
                expression="sum by (root) (increase(tflited_watch_errors_total{@}[1h]))",
                legend="watches lost in {{root}}",
            ),
        ),
    ),
    Panel(
        title="Directories without events",
        text="Left out by the kernel's watch limit, and polled.",
        unit="short",
        queries=one("tflited_directories_unwatched{@}", "{{root}} on {{instance}}"),
        warning=1,
    ),
    Panel(
        title="Removals that wait",
        text="Sets of models that left a root, more at once than is believed: tflited confirm.",
        unit="short",
        queries=one("tflited_removals_waiting{@}", "{{root}} on {{instance}}"),
        warning=1,
    ),
)
DAEMON: Final = (
    Panel(
        title="Free space",
        text="Of the output tree and of the state folder.",
        unit="bytes",
        queries=(
            Query(expression="tflited_output_free_bytes{@}", legend="output of {{instance}}"),
            Query(expression="tflited_state_free_bytes{@}", legend="state of {{instance}}"),
        ),
    ),
    Panel(
        title="Memory of the daemon",
        text="Without its children.",
        unit="bytes",
        queries=one('process_resident_memory_bytes{job="tflited", @}', "{{instance}}"),
    ),
    Panel(
        title="Processor of the daemon",
        text="Without its children; 1 is one core.",
        unit="short",
        queries=one(f'rate(process_cpu_seconds_total{{job="tflited", @}}{RATE})', "{{instance}}"),
    ),
    Panel(
        title="File descriptors",
        text="Of those the process may have.",
        unit="percentunit",
        queries=one(
            'process_open_fds{job="tflited", @} / process_max_fds{job="tflited", @}',
            "{{instance}}",
        ),
        warning=0.6,
        critical=0.8,
    ),
    Panel(
        title="Configuration and broker",
        text="1 while the newest configuration is in force, and while the broker is connected.",
        unit="short",
        queries=(
            Query(
                expression="tflited_config_last_reload_successful{@}",
                legend="configuration of {{instance}}",
            ),
            Query(
                expression="tflited_broker_connected{@}",
                legend="broker of {{instance}}",
            ),
        ),
    ),
    Panel(
        title="HTTP answers",
        text="By what they say; scrapes and health checks are ok, too.",
        unit="ops",
        queries=rate_by("tflited_http_answers_total", "result"),
        kind=Kind.STACKED,
    ),
    Panel(
        title="Hub",
        text="p95 of fetches, by how they ended.",
        unit="s",
        queries=(quantile(0.95, "tflited_hub_fetch_duration_seconds", "result", "[1h]"),),
    ),
)
