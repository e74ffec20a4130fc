"""Instructions, flash and RAM on simulated boards."""
