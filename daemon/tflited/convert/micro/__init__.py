"""What only microcontrollers need: TFLM's interpreter, its arena, its resolver, the C styles.

Nothing is imported here: the probe's process must start without tensorflow.
"""
