"""The ONNX graphs of every rule: one folder per rule, found by its name."""
