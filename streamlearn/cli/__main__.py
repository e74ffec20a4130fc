"""``python -m streamlearn.cli``: the command line if the ``streamlearn`` script is not found."""

from streamlearn.cli import main

main()
