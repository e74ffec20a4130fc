"""The run loop: runs that stop and go on, one process per core, progress, command line."""
