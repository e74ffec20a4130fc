"""What a state holds, and what lies between two of them: for people, and as JSON values."""

from streamlearn.inspection.describe import describe
from streamlearn.inspection.differ import compare

__all__ = ["compare", "describe"]
