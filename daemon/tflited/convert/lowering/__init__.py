"""From the source to the float32 flatbuffer."""
