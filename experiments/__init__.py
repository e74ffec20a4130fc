"""Published results run again, and every figure of the documents; not part of an installation.

``python -m experiments list`` names them, ``python -m experiments NAME --help`` says what each
takes. docs/reproduction.md and docs/benchmarks.md have what came out.
"""
