"""BiMU's published comparison, in integers: 100 permuted tasks (arXiv 2605.30198)."""
