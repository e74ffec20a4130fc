"""Stages in ONNX graphs: one module per stage, found by its name, with ``step`` in it."""
