"""What the two rules share that sample pre-activations."""
