"""Boards at their links, kept as one fleet: what is known of each, and one worker for each.

docs/operate-a-fleet.md shows it. The folder of a fleet holds

* ``registry.sqlite``: every fact about every device (:class:`Registry`),
* ``records/DEVICE/``: every sample that a device was taught, and so every state it ever had.
"""

from streamlearn.fleet.devices.keeper import Keeper
from streamlearn.fleet.devices.links import Place
from streamlearn.fleet.devices.registry import Registry

__all__ = ["Keeper", "Place", "Registry"]
