"""Bounds of docs/numbers.md §10: name, largest magnitude, and the C type that must hold it."""

NOISY = 65535 * 741 // 256 + 65535 // 2 + 1

FACTORED: dict[str, tuple[int, str]] = {
    # forward
    "factor_square": (4095 * (2**20 - 1), "uint32"),
    "factor_power": (4095 * (2**20 - 1), "uint32"),
    "root": (65535, "uint32"),
    "root_product": (65535**2, "uint32"),
    # backward
    "blocked_epsilon": (65535 * 741 + 128, "int32"),
    "noisy_sum": (NOISY, "int32"),
    "noisy_draws": (64 * NOISY, "int32"),
    "noisy_root": (NOISY * 8191, "int32"),
    "noisy_root_draws": (64 * NOISY * 8191, "int64"),
    "quotient": (65536, "uint32"),
    "by_row_sum": (32767, "int32"),
    "by_column": (64 * NOISY * 65535**2, "int64"),
    "by_column_short": (2**31 - 1, "int64"),
    "through_row": (4095 * 32767, "int32"),
    "input_row": (32767 * 65519, "int32"),
    # update of mu
    "weight": (32767, "int32"),
    "weighted": (32768 * 32767, "int32"),
    "first_gain_product": (32768 * 32767, "int32"),
    "first_g": (32767, "int32"),
    "first_factor": (32512, "int32"),
    "first_step": (32512 * 32767, "int32"),
    "later_step": (4095 * 255 * 2048, "int32"),
    "pull_strength": (32767, "int32"),
    "pull_product": (65535 * 16382, "int32"),
    # update of the factors
    "row_gain_product": (32767 * 32767, "int32"),
    "row_curvature": (65025 * (32767 + 32), "int32"),
    "row_step": (65534 * 65025 * (32767 + 32), "int64"),
    "column_gain_product": (2**31 * 32767, "int64"),
    "column_step": (65535 * 2**31, "int64"),
    "step_before_shift": (2**63 - 1, "int64"),
    # pull of the factors
    "factor_sum": (65536 * 65535, "uint32"),
    "prior_ratio_product": (65535**2, "uint32"),
    "factor_ratio": (2**24, "int32"),
    "pull_of_code": (65535 * 2**20 * 2**24, "int64"),
    "code_before_store": (2**32 - 1 + 2**27, "int64"),
}
