// A program as a firmware would begin, linked with a published C array of style "c" or "incbin".
//
//     make -C examples/firmware MODEL=FOLDER NAME=digits SYMBOL=g_digits_int8 run
//
// FOLDER holds NAME.h and NAME.c (or NAME.S and NAME.tflite). On a host, and without a source tree of
// TensorFlow Lite for Microcontrollers, it checks what a device would rely on and prints the contract.
// With -DWITH_TFLM and TFLM's include path and library it also runs one inference.

#include <cstdint>
#include <cstdio>

// The build names header and symbol; TO_TEXT and JOIN make of them what a program for one model
// writes out: #include "digits.h", g_digits_int8, G_DIGITS_INT8_SIZE.
#define TEXT(name) #name
#define TO_TEXT(name) TEXT(name)
#define JOIN_(left, right) left##right
#define JOIN(left, right) JOIN_(left, right)

#include TO_TEXT(MODEL_HEADER)

#define MODEL(name) JOIN(MODEL_MACRO, name)

#ifdef WITH_TFLM
#include TO_TEXT(MODEL_RESOLVER)
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/schema/schema_generated.h"
#endif

namespace {

constexpr unsigned kInputRank = MODEL(_INPUT_0_RANK);
constexpr int kInputShape[kInputRank] = MODEL(_INPUT_0_SHAPE);
constexpr unsigned kOutputRank = MODEL(_OUTPUT_0_RANK);
constexpr int kOutputShape[kOutputRank] = MODEL(_OUTPUT_0_SHAPE);
constexpr float kInputScale = MODEL(_INPUT_0_SCALE);
constexpr int kInputZeroPoint = MODEL(_INPUT_0_ZERO_POINT);
constexpr float kOutputScale = MODEL(_OUTPUT_0_SCALE);
constexpr int kOutputZeroPoint = MODEL(_OUTPUT_0_ZERO_POINT);

static_assert(MODEL(_SIZE) > 8, "a flatbuffer has at least its root and its identifier");
static_assert(MODEL(_ALIGNMENT) == 16, "what TFLM asks of a model's address");

// A dynamic dimension is -1 in the contract; on a device it is one sample.
template <unsigned N>
constexpr int Elements(const int (&shape)[N]) {
  int product = 1;
  for (unsigned i = 0; i < N; ++i) product *= shape[i] < 0 ? 1 : shape[i];
  return product;
}

bool IsSound() {
  const auto address = reinterpret_cast<std::uintptr_t>(MODEL_SYMBOL);
  if (address % MODEL(_ALIGNMENT) != 0) {
    std::printf("the model lies at %#zx, which is no multiple of 16\n", std::size_t{address});
    return false;
  }
  const bool is_tflite = MODEL_SYMBOL[4] == 'T' && MODEL_SYMBOL[5] == 'F' &&
                         MODEL_SYMBOL[6] == 'L' && MODEL_SYMBOL[7] == '3';
  if (!is_tflite) std::printf("the model has no identifier TFL3\n");
  return is_tflite;
}

template <unsigned N>
void PrintTensor(const char* side, const char* name, const char* dtype, const int (&shape)[N]) {
  std::printf("%s %s: %s [", side, name, dtype);
  for (unsigned i = 0; i < N; ++i) std::printf(i ? ", %d" : "%d", shape[i]);
  std::printf("], %d elements\n", Elements(shape));
}

// What a sensor driver does with a reading before it goes into an integer input.
int Quantised(float value) {
  if (kInputScale <= 0.0f) return 0;  // the input takes floats
  const float steps = value / kInputScale;
  return static_cast<int>(steps + (steps < 0.0f ? -0.5f : 0.5f)) + kInputZeroPoint;
}

#ifdef WITH_TFLM
alignas(16) unsigned char arena[MODEL(_ARENA_SIZE) + 4096];  // with a margin, as the header says

bool Run() {
  auto resolver = MODEL_GET_RESOLVER();
  tflite::MicroInterpreter interpreter(tflite::GetModel(MODEL_SYMBOL), resolver, arena,
                                       sizeof(arena));
  if (interpreter.AllocateTensors() != kTfLiteOk) return false;
  return interpreter.Invoke() == kTfLiteOk;
}
#else
bool Run() {
  std::printf("built without TFLM: nothing is run\n");
  return true;
}
#endif

}  // namespace

int main() {
  if (!IsSound()) return 1;
  std::printf("model: %u bytes, aligned to %u\n", MODEL(_SIZE), MODEL(_ALIGNMENT));
  PrintTensor("input", MODEL(_INPUT_0_NAME), MODEL(_INPUT_0_DTYPE), kInputShape);
  PrintTensor("output", MODEL(_OUTPUT_0_NAME), MODEL(_OUTPUT_0_DTYPE), kOutputShape);
  if (kInputScale > 0.0f) std::printf("a reading of 1.0 goes in as %d\n", Quantised(1.0f));
  if (kOutputScale > 0.0f) {
    const double one = static_cast<double>(kOutputScale) * (1 - kOutputZeroPoint);
    std::printf("an output of 1 means %g\n", one);
  }
#ifdef MODEL_HAS_ARENA
  std::printf("arena: %u bytes on the host\n", MODEL(_ARENA_SIZE));
#endif
  return Run() ? 0 : 1;
}
