"""From the float32 flatbuffer to every other variant."""
