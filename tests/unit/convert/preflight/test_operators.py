"""The tables of refused operators, against the operators that TensorFlow has."""

import pytest

from tflited.convert.preflight.operators import why_attribute, why_refused

HARMLESS = (
    "Assert", "AssignVariableOp", "AudioSpectrogram", "BatchMatMulV2", "Const", "Conv2D",
    "DecodeJpeg", "HashTableV2", "IteratorGetNext", "LookupTableFindV2", "LookupTableImportV2",
    "MapDataset", "NoOp", "Placeholder", "PlaceholderWithDefault", "Print", "PrintV2", "PyFunc",
    "ReadVariableOp", "RestoreV2", "SaveV2", "ShardedFilename", "StatefulPartitionedCall",
    "TensorArrayReadV3", "TensorArrayWriteV3", "TensorDataset", "TensorSummaryV2", "While",
    "XlaCallModule", "LogSoftmax", "ParseExampleV2", "DecodeWav", "SegmentSum", "Send_",
)  # fmt: skip
REFUSED = (
    "ReadFile", "WriteFile", "MatchingFiles", "WholeFileReaderV2", "TextLineDataset",
    "TFRecordDatasetV2", "FixedLengthRecordDatasetV2", "ExperimentalCSVDataset", "SqlDataset",
    "LMDBReader", "CacheDatasetV2", "SnapshotDatasetV2", "SnapshotNestedDatasetReader",
    "SaveDatasetV2", "LoadDataset", "DatasetToTFRecord", "CreateSummaryFileWriter",
    "WriteScalarSummary", "ImmutableConst", "LoadAndRemapMatrix", "GenerateVocabRemapping",
    "RecordInput", "DumpTensor", "CalibrationStatisticsSaver", "Skipgram", "RpcCall", "RpcServer",
    "_Send", "Recv", "_HostRecv", "RemoteCall", "CollectiveBcastSendV2", "DataServiceDatasetV4",
    "RegisterDatasetV2", "XlaCustomCallV2", "Abort", "FileSystemSetConfiguration",
    "MatchingFilesDataset", "ReaderReadUpToV2", "DistributedSave",
)  # fmt: skip


@pytest.mark.parametrize("operator", HARMLESS)
def test_what_models_are_made_of_passes(operator: str) -> None:
    """Names that look alike are told apart."""
    assert not why_refused(operator)


@pytest.mark.parametrize("operator", REFUSED)
def test_what_reaches_outside_is_refused(operator: str) -> None:
    """Each with what it does."""
    assert why_refused(operator)


@pytest.mark.parametrize(
    ("operator", "name", "value", "is_refused"),
    [
        ("PrintV2", "output_stream", "stderr", False),
        ("PrintV2", "output_stream", "stdout", False),
        ("PrintV2", "output_stream", "log(info)", False),
        ("PrintV2", "output_stream", "file:///tmp/x", True),
        ("FixedUnigramCandidateSampler", "vocab_file", "", False),
        ("FixedUnigramCandidateSampler", "vocab_file", "/etc/passwd", True),
        ("DecodeProtoV2", "descriptor_source", "local://", False),
        ("DecodeProtoV2", "descriptor_source", "bytes://abc", False),
        ("DecodeProtoV2", "descriptor_source", "/etc/passwd", True),
        ("DebugIdentityV3", "debug_urls", "", False),
        ("DebugIdentityV3", "debug_urls", "file:///tmp", True),
        ("Conv2D", "padding", "SAME", False),
    ],
)
def test_attributes_that_name_a_file(
    operator: str, name: str, value: str, *, is_refused: bool
) -> None:
    """The same operator is harmless without one."""
    assert bool(why_attribute(operator, {name: value})) is is_refused
