"""The finished flatbuffer: read, laid out, repaired, and what its variant claims."""
