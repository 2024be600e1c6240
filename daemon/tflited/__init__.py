"""tflited: turns folders of TensorFlow models into proven TensorFlow Lite artifacts."""

__version__ = "0.1.0"
