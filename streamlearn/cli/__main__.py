"""``python -m streamlearn.cli``: the command line where the ``streamlearn`` script is not found."""

from streamlearn.cli import main

main()
