"""`python -m headless_conformance`: the program where its script is not in PATH."""

from headless_conformance.cli.program import main

if __name__ == "__main__":
    main()
