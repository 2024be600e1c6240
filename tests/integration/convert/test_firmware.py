"""The example in ``examples/firmware``, built with what is really published."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import linked
import zoo
from tflited.domain.policy import CArray, CStyle, Target, TensorType, Variant
from tflited.domain.report import BuildReport

Build = Callable[..., BuildReport]
EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "firmware"
pytestmark = [
    pytest.mark.requires_program("gcc", "apt-get install gcc"),
    pytest.mark.requires_program("g++", "apt-get install g++"),
    pytest.mark.requires_program("make", "apt-get install make"),
]
# What the example uses of TFLM, whose sources are in no package: it shows that the branch compiles
# against the published resolver, and nothing of what TFLM does.
STAND_IN = {
    "tensorflow/lite/micro/micro_mutable_op_resolver.h": """
        #pragma once
        namespace tflite {
        template <unsigned int N> struct MicroMutableOpResolver {
          void AddConv2D() {}
          void AddFullyConnected() {}
          void AddMaxPool2D() {}
          void AddMean() {}
          void AddReshape() {}
          void AddSoftmax() {}
          void AddShape() {}
          void AddPack() {}
          void AddStridedSlice() {}
        };
        }""",
    "tensorflow/lite/micro/micro_interpreter.h": """
        #pragma once
        #include <cstddef>
        enum TfLiteStatus { kTfLiteOk };
        namespace tflite {
        struct Model;
        struct MicroInterpreter {
          template <class R>
          MicroInterpreter(const Model*, R&, unsigned char*, std::size_t) {}
          TfLiteStatus AllocateTensors() { return kTfLiteOk; }
          TfLiteStatus Invoke() { return kTfLiteOk; }
        };
        }""",
    "tensorflow/lite/schema/schema_generated.h": """
        #pragma once
        namespace tflite {
        struct Model;
        inline const Model* GetModel(const void*) { return nullptr; }
        }""",
}


@pytest.fixture(params=[CStyle.C, CStyle.INCBIN])
def folder(build: Build, scratch: Path, request: pytest.FixtureRequest) -> Path:
    """A published int8 variant with 8-bit inputs and outputs."""
    trained = zoo.digits()
    build(
        trained.model,
        stem="digits",
        calibration=trained.calibration,
        variants=(Variant.INT8,),
        target=Target.MICRO,
        input_type=TensorType.INT8,
        output_type=TensorType.INT8,
        c_array=CArray(style=request.param),
    )
    return scratch / "set/int8"


def made(folder: Path, out: Path, *more: str) -> str:
    """What the example's own Makefile builds and runs."""
    command = ("make", "-C", str(EXAMPLE), "run", f"MODEL={folder}", f"OUT={out}", *more)
    named = ("NAME=digits", "SYMBOL=g_digits_int8", "CC=gcc", "CXX=g++")
    done = subprocess.run(
        [*command, *named], check=True, capture_output=True, text=True, timeout=linked.SECONDS
    )
    return done.stdout


def test_it_reads_the_contract(folder: Path, tmp_path: Path) -> None:
    """Linked, aligned, and told from the header's constants what goes in and what comes out."""
    printed = made(folder, tmp_path / "out")
    size = (folder / "digits.tflite").stat().st_size
    assert f"model: {size} bytes, aligned to 16\n" in printed
    assert "input image: int8 [-1, 8, 8, 1], 64 elements\n" in printed
    assert "a reading of 1.0 goes in as " in printed
    assert "bytes on the host\n" in printed
    assert "built without TFLM: nothing is run\n" in printed


def test_the_branch_with_tflm_compiles(folder: Path, tmp_path: Path) -> None:
    """The resolver, the arena's constant and the array fit into TFLM's calls."""
    for name, text in STAND_IN.items():
        place = tmp_path / "tflm" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    flags = f"CXXFLAGS=-DWITH_TFLM -I{tmp_path / 'tflm'}"
    assert "nothing is run" not in made(folder, tmp_path / "out", flags)
