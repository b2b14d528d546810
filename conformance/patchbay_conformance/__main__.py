"""``python -m patchbay_conformance``: the same as the command."""

from patchbay_conformance.cli import main

if __name__ == "__main__":
    main()
