"""The closed set of the label ``reason``: every failure code that this version knows."""

from typing import Final

OTHER: Final = "other"
"""The label value for what is outside a closed set."""

REASONS: Final = (
    # The daemon's own codes, from errors.py.
    "backup", "baseline_mismatch", "broker", "cannot_start", "configuration", "conversion",
    "daemon_unreachable", "internal", "output", "over_capacity", "refused", "replaced",
    "sandbox_refused", "source_changed", "storage_failed", "storage_paused", "store",
    "store_corrupt", "transfer", "transfer_ended", "transfer_full", "transfer_refused",
    "trigger_refused", "upload_refused", "usage", "worker",
    # How an attempt may end without a report.
    "bad_reply", "cancelled", "crash", "engine_lost", "native_abort", "out_of_memory",
    "worker_lost",
    "cpu_limit", "memory_limit", "model_limit", "output_limit", "scratch_limit", "wall_limit",
    # What the look before a model is opened refuses, from convert/preflight/.
    "refused_archive", "refused_module", "refused_operator", "refused_storage", "absurd_size",
    # The converter's codes, from convert/faults/hints.py and its neighbours.
    "calibration_incomplete", "calibration_source", "calibration_type", "control_flow_v1",
    "custom_objects", "custom_objects_module", "damaged_file", "data", "given_up", "hub",
    "hub_layer", "input_shape", "integer_io", "invalid_flatbuffer", "keras2_file", "keras3_file",
    "kernel_type", "lambda_code", "lambda_layer", "missing_custom_op", "needs_calibration",
    "needs_custom_ops", "needs_select_ops", "no_int16x8_kernel", "no_signature", "no_variant",
    "not_keras", "not_runnable_here", "output_shape", "python_function", "quantiser", "save_spec",
    "signature_lost", "signatures", "stateful_call", "tags", "tensor_list_dynamic", "too_large",
    "torn", "trained_for_int8", "type_inference", "unknown_rank", "weights_only", OTHER,
)  # fmt: skip
"""Every value of the label ``reason``; a failure code that is not here counts as ``other``."""


def reason_label(code: str) -> str:
    """The label value of a failure code; ``other`` for one that comes from elsewhere."""
    return code if code in REASONS else OTHER
