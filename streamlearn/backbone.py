"""A backbone: a frozen feature extractor in integers, in front of a learner that keeps learning.

Training it needs PyTorch and Brevitas (:mod:`streamlearn.torch.backbone`); using it needs neither.
"""

from quant.backbone import Backbone, CodeFormat, MaxPool, Weighted
from quant.backbone.file import load as load_backbone
from quant.backbone.file import save as save_backbone
from quant.backbone.golden import feature_codes, features

__all__ = [
    "Backbone",
    "CodeFormat",
    "MaxPool",
    "Weighted",
    "feature_codes",
    "features",
    "load_backbone",
    "save_backbone",
]
