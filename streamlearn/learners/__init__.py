"""What every learner shares with the ecosystem around it: samples, labels, blocks, parameters."""
