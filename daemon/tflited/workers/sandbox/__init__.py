"""What a child may do: layers that each take something away, applied once and read back."""
