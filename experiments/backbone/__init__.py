"""A frozen backbone in integers, and a head that learns behind it."""
