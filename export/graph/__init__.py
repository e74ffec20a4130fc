"""Prediction as ONNX: builder, integers, front end, heads, and the whole model."""
