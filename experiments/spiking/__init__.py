"""Spiking learners on signals: spoken digits and the motion of a wrist, recordings held out."""
