"""Numbers: formats, rounding, random bits, and the learning rule in integers, NumPy and C."""
