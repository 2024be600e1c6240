"""The operators that no model to be converted needs: files, network, processes, foreign code.

Found by reading the arguments and attributes of all 1910 operators of TensorFlow 2.21. ``PyFunc``
and its kin are not among them: their function stayed in the process that made the model, so that
they run nothing here, and the converter names them with a hint of their own.
"""

import re
from typing import Final

_FILE: Final = "reads or writes files"
_NETWORK: Final = "talks to other processes or hosts"
_CODE: Final = "runs code outside the graph"

_PATTERNS: Final = {
    r"ReadFile|WriteFile|MatchingFiles|RecordInput|Skipgram|ImmutableConst|DumpTensor": _FILE,
    r"CalibrationStatisticsSaver|LoadAndRemapMatrix|GenerateVocabRemapping": _FILE,
    r"DTensorRestoreV2|FileSystemSetConfiguration|DistributedSave|ImportEvent": _FILE,
    r"(WholeFile|TextLine|FixedLengthRecord|TFRecord|LMDB)Reader(V2)?": _FILE,
    r"Reader(Read|ReadUpTo)(V2)?|Snapshot(Nested)?DatasetReader": _FILE,
    r"(Experimental)?(TextLine|TFRecord|FixedLengthRecord|CSV|LMDB|Sql)Dataset(V\d)?": _FILE,
    r"(Experimental)?(MatchingFiles|Cache|Load|Save)Dataset(V\d)?": _FILE,
    r"(ListSnapshotChunks|Snapshot|SnapshotChunk)Dataset(V\d)?": _FILE,
    r"(Experimental)?DatasetToTFRecord": _FILE,
    r"CreateSummary(File|Db)Writer|Write\w*Summary|FlushSummaryWriter": _FILE,
    r"Rpc\w+|_?(Host)?(Send|Recv)|Collective\w+|_Nccl\w+|Gcs\w+|RemoteCall": _NETWORK,
    r"(Experimental)?DataServiceDataset(V\d)?|RegisterDataset(V2)?": _NETWORK,
    r"XlaCustomCall(V2)?|RemoteFusedGraphExecute": _CODE,
    r"Abort": "ends the process",
}
_REFUSED: Final = tuple((re.compile(pattern), why) for pattern, why in _PATTERNS.items())

PREFIXED: Final = {
    "MergeV2Checkpoints": 1,
    "Restore": 0,
    "RestoreSlice": 0,
    "RestoreV2": 0,
    "Save": 0,
    "SaveSlices": 0,
    "SaveV2": 0,
}
"""Operators on checkpoints, by the position of their path, which the loader gives."""
TABLE_FILES: Final = frozenset({"InitializeTableFromTextFile", "InitializeTableFromTextFileV2"})
"""Vocabularies, whose file is an asset of the model."""
PATH_ATTRIBUTES: Final = {
    "PrintV2": ("output_stream", re.compile(r"(?!stdout$|stderr$|log\().+")),
    "FixedUnigramCandidateSampler": ("vocab_file", re.compile(r".+")),
    "DecodeProtoV2": ("descriptor_source", re.compile(r"(?!local://$|bytes://).+")),
    "EncodeProto": ("descriptor_source", re.compile(r"(?!local://$|bytes://).+")),
}
"""Operators that touch a file only where an attribute names one."""
RESTORING: Final = frozenset(
    {
        "Assign",
        "AssignVariableOp",
        "Cast",
        "Const",
        "HashTable",
        "HashTableV2",
        "Identity",
        "IdentityN",
        "LookupTableImport",
        "LookupTableImportV2",
        "MutableDenseHashTable",
        "MutableDenseHashTableV2",
        "MutableHashTable",
        "MutableHashTableV2",
        "NoOp",
        "PartitionedCall",
        "Pack",
        "Placeholder",
        "PlaceholderWithDefault",
        "Reshape",
        "Restore",
        "RestoreSlice",
        "RestoreV2",
        "Split",
        "SplitV",
        "StatefulPartitionedCall",
        "StaticRegexFullMatch",
        "StringJoin",
        "VarHandleOp",
        "Variable",
        "VariableV2",
    }
)
"""What a saver's restore hook is made of (tensorflow/python/training/saver.py)."""
ALLOCATING: Final = {
    "BroadcastTo": 1,
    "Empty": 0,
    "Fill": 0,
    "RandomStandardNormal": 0,
    "RandomUniform": 0,
    "StatelessRandomNormal": 0,
    "StatelessRandomNormalV2": 0,
    "StatelessRandomUniform": 0,
    "StatelessRandomUniformV2": 0,
    "TruncatedNormal": 0,
}
"""Operators that make a tensor of the shape in one of their inputs, by that input's position."""


def why_refused(operator: str) -> str:
    """What is wrong with an operator whatever its attributes; empty where nothing is."""
    return next((why for pattern, why in _REFUSED if pattern.fullmatch(operator)), "")


def why_attribute(operator: str, attributes: dict[str, str]) -> str:
    """What is wrong with an operator because of the file it names; empty where nothing is."""
    if any(value for name, value in attributes.items() if name == "debug_urls"):
        return _FILE
    name, pattern = PATH_ATTRIBUTES.get(operator, ("", None))
    value = attributes.get(name, "")
    return f"{_FILE}: {value[:100]}" if pattern is not None and pattern.match(value) else ""
