"""The metaplastic rule: binary weights, one byte per synapse."""
