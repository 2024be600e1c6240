"""The flatbuffer as a C array."""
