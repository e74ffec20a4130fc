"""Signals by windows: gestures and exercises, live recordings, and a machine before it fails."""
